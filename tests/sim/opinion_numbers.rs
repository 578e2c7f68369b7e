//! Check digits of care insurance.

use engawa::model::numbers::{
    InsuredNumber, InsurerNumber, InsurerNumberError, OfficeNumberCheck, check_digit, check_office_number,
};

#[test]
fn insurer_numbers() {
    for number in ["435073", "131045", "131011", "011007", "271007", "999995"] {
        assert_eq!(InsurerNumber::parse(number).unwrap().as_str(), number);
        for digit in '0'..='9' {
            let changed = format!("{}{digit}", &number[..5]);
            assert_eq!(InsurerNumber::parse(&changed).is_ok(), changed == number, "{changed}");
        }
    }
    // The local-government codes of the same towns are other numbers.
    for number in ["435074", "131016", "131041", "011002", "271004"] {
        assert_eq!(InsurerNumber::parse(number), Err(InsurerNumberError::CheckDigit));
    }
    for number in ["", "43507", "4350731", "43507x", "４３５０７３", "あい"] {
        assert_eq!(InsurerNumber::parse(number), Err(InsurerNumberError::Shape), "{number}");
    }
}

#[test]
fn office_numbers() {
    for number in ["2794900205", "2392100034"] {
        assert_eq!(check_office_number(number), OfficeNumberCheck::Right, "{number}");
    }
    assert_eq!(check_digit("237210003"), Some(8));
    assert_eq!(check_office_number("2372100034"), OfficeNumberCheck::CheckDigit);
    // A = 10 and Z = 32: the letters I, O and Q have no value.
    assert_eq!(
        (check_digit("A"), check_digit("Z"), check_digit("H"), check_digit("J")),
        (Some(8), Some(0), Some(3), Some(1))
    );
    for number in ["", "279490020", "27949002055", "27I4900205", "27a4900205", "279490020A", "あいう1"] {
        assert_eq!(check_office_number(number), OfficeNumberCheck::Shape, "{number}");
    }
}

#[test]
fn insured_numbers_have_no_rule_but_a_usual_shape() {
    assert!(InsuredNumber::parse("9900000001").unwrap().is_usual());
    assert!(InsuredNumber::parse("H123456789").unwrap().is_usual());
    assert!(!InsuredNumber::parse("12345").unwrap().is_usual());
    for number in ["", "12345678901", "12 34", "あ"] {
        assert_eq!(InsuredNumber::parse(number), None);
    }
}
