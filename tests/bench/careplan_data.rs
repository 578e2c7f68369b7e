//! A month's 第6表 as care software writes it: user after user, each with a few services on several days of the week.

/// The file's name.
pub(crate) const NAME: &str = "UPPLAN_202605_9970000015_43_9970000023_11_20260520101010.CSV";

/// A service of a user: kind of row, start and end, units, service code.
const SERVICES: [(&str, &str, &str, &str); 5] = [
    ("0900", "0930", "250", "111111"),
    ("1000", "1100", "396", "112211"),
    ("1330", "1430", "396", "112211"),
    ("1700", "1730", "313", "111211"),
    ("0930", "1645", "658", "151245"),
];
/// 山田, 介護 花子, ケアサービス縁側: in CP932.
const MANAGERS: [&[u8]; 2] = [b"\x8eR\x93c\x81@\x91\xbe\x98Y", b"\x89\xee\x8c\xec\x81@\x89\xd4\x8eq"];
const PROVIDER: &[u8] = b"\x83P\x83A\x83T\x81[\x83r\x83X\x89\x8f\x91\xa4";

/// `rows` records; `days` on which a service is given to a user in the month (1 for rows that share as little as may be).
pub(crate) fn table_6(rows: usize, days: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(rows * 170);
    let mut row = 0;
    'all: for user in 0.. {
        let manager = MANAGERS[user % 7 % 2];
        for service in 0..1 + user % 4 {
            let (from, to, units, code) = SERVICES[(user + service) % SERVICES.len()];
            for visit in 0..days {
                if row == rows {
                    break 'all;
                }
                let day = 1 + (visit * 31 / days.max(1) + user + service) % 31;
                out.extend_from_slice(format!("202407,999995,99{user:08},20260418,202605,9970000015,\"").as_bytes());
                out.extend_from_slice(manager);
                out.extend_from_slice(
                    format!("\",{units},,202605{day:02},,{from},{to},1,{code},,,\"\",,9970000023,\"").as_bytes(),
                );
                out.extend_from_slice(PROVIDER);
                out.extend_from_slice(b"\",,0,9970000015,\r\n");
                row += 1;
            }
        }
    }
    out
}
