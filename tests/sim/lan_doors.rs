//! Who gets a place among the connections of the LAN, and how often an address may ask: the rules alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use engawa::api::crowd::Crowd;
use engawa::api::rate::Rate;
use proptest::prelude::*;

const NOW: Duration = Duration::from_secs(1_000);

fn four(last: u16) -> IpAddr {
    let [high, low] = last.to_be_bytes();
    Ipv4Addr::new(10, 0, high, low).into()
}

/// An address of an IPv6 /64.
fn six(network: u16, host: u64) -> IpAddr {
    Ipv6Addr::from_bits((0x2001_0db8_0000_u128 << 80) | (u128::from(network) << 64) | u128::from(host)).into()
}

#[test]
fn a_newcomer_gets_the_place_of_the_oldest_on_which_nobody_was_let_in() {
    let mut crowd = Crowd::new(8, 4);
    let seats: Vec<_> = (0..8).map(|host| crowd.take(four(host)).unwrap()).collect();
    for seat in &seats[..3] {
        seat.proven().prove();
    }
    for (round, oldest) in seats.iter().enumerate().skip(3) {
        let seat = crowd.take(four(100 + u16::try_from(round).unwrap())).unwrap();
        assert!(!crowd.holds(oldest) && crowd.holds(&seat), "round {round}");
        seat.proven().prove();
    }
    assert!(seats[..3].iter().all(|seat| crowd.holds(seat)), "who was let in stays");
    // Everybody who is here was let in, by one connection each.
    assert!(crowd.take(four(200)).is_none());
    // What has gone is not given back twice.
    seats.iter().for_each(|seat| crowd.give_back(seat));
    let taken = (300..308).filter(|host| crowd.take(four(*host)).inspect(|seat| seat.proven().prove()).is_some());
    assert_eq!(taken.count(), 3);
}

#[test]
fn who_takes_on_many_addresses_takes_no_terminal_its_connections() {
    let mut crowd = Crowd::new(16, 8);
    let terminal: Vec<_> = (0..4).map(|_| crowd.take(four(1)).unwrap()).collect();
    terminal.iter().for_each(|seat| seat.proven().prove());
    for host in 0..1_000 {
        assert!(crowd.take(four(1_000 + host)).is_some());
    }
    assert!(terminal.iter().all(|seat| crowd.holds(seat)));
    // One that has some already waits rather than pushing those out who have one.
    assert!(crowd.take(four(1)).is_none());
}

#[test]
fn those_who_take_many_places_take_them_from_each_other() {
    let mut crowd = Crowd::new(10, 8);
    let many: Vec<_> = (0..8).map(|_| crowd.take(four(1)).unwrap()).collect();
    let few: Vec<_> = (0..2).map(|_| crowd.take(four(2)).unwrap()).collect();
    assert!(!crowd.allows(four(1)) && crowd.allows(four(2)));
    assert!(crowd.take(four(3)).is_some());
    assert!(!crowd.holds(&many[0]) && crowd.holds(&many[1]) && few.iter().all(|seat| crowd.holds(seat)));
    // Where everybody was let in, the one with the most gives one up all the same.
    let mut crowd = Crowd::new(4, 4);
    let many: Vec<_> = (0..4).map(|_| crowd.take(four(1)).unwrap()).collect();
    many.iter().for_each(|seat| seat.proven().prove());
    assert!(crowd.take(four(2)).is_some() && !crowd.holds(&many[0]));
}

#[test]
fn one_network_of_many_addresses_holds_half_of_the_places() {
    let mut crowd = Crowd::new(64, 8);
    let allowed = (0..100).filter(|host| crowd.allows(six(1, *host)) && crowd.take(six(1, *host)).is_some()).count();
    assert_eq!(allowed, 32);
    assert!(crowd.allows(six(2, 0)) && crowd.allows(four(1)));
}

#[test]
fn an_address_has_its_rate_and_twice_as_much_at_once() {
    let rate = Rate::new(5);
    let taken = |at| (0..100).filter(|_| rate.take(four(1), at).is_ok()).count();
    assert_eq!(taken(NOW), 10);
    assert_eq!(taken(NOW + Duration::from_secs(1)), 5);
    assert_eq!(rate.take(four(1), NOW + Duration::from_secs(1)), Err(1));
    assert_eq!(rate.take(four(2), NOW), Ok(()));
}

#[test]
fn a_flood_from_one_network_leaves_room_for_those_who_come_otherwise() {
    let rate = Rate::new(5);
    // 80 at once are let through, whatever addresses they come from; the others leave no trace.
    let let_through = (0..20_000).filter(|host| rate.take(six(1, *host), NOW).is_ok()).count();
    assert_eq!((let_through, rate.known()), (80, 80));
    // Each of these has a bucket of its own, not that of all who come late.
    for host in 0..1_000 {
        assert_eq!(rate.take(four(host), NOW), Ok(()), "{host}");
    }
    assert_eq!(rate.known(), 1_080);
}

#[test]
fn one_address_that_asks_too_often_uses_up_nothing_of_its_network() {
    let rate = Rate::new(5);
    assert_eq!((0..1_000).filter(|_| rate.take(six(1, 0), NOW).is_ok()).count(), 10);
    assert_eq!((1..100).filter(|host| rate.take(six(1, *host), NOW).is_ok()).count(), 70);
}

proptest! {
    /// Whatever comes and goes: never more than there are places, and whoever has none gets one while somebody is there who was not let in.
    #[test]
    fn places_are_bounded_and_a_newcomer_gets_one(
        steps in proptest::collection::vec((0_u16..12, any::<bool>(), any::<bool>()), 1..200)
    ) {
        let mut crowd = Crowd::new(6, 3);
        let mut seats: Vec<(u16, engawa::api::crowd::Seat, bool)> = Vec::new();
        for (host, proves, leaves) in steps {
            if leaves && !seats.is_empty() {
                let (_, seat, _) = seats.remove(usize::from(host) % seats.len());
                crowd.give_back(&seat);
            }
            if !crowd.allows(four(host)) {
                continue;
            }
            let newcomer = seats.iter().all(|(own, ..)| *own != host);
            let stranger = seats.iter().any(|(_, _, proven)| !proven);
            match crowd.take(four(host)) {
                Some(seat) => {
                    if proves {
                        seat.proven().prove();
                    }
                    seats.push((host, seat, proves));
                }
                None => prop_assert!(seats.len() == 6 && !(newcomer && stranger)),
            }
            seats.retain(|(_, seat, _)| crowd.holds(seat));
            prop_assert!(seats.len() <= 6);
        }
    }
}
