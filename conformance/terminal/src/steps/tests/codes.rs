// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN and PUK against the test card.

use super::{channel, domain, established};
use crate::error::Error;
use crate::steps::agreement::TerminalShare;
use crate::steps::code::{Code, CodeAnswer, Reference};
use crate::steps::device_certificate::Device;
use crate::steps::objects::Tries;
use zeroize::Zeroizing;

#[test]
fn codes_from_wrong_to_blocked_to_new() {
    let mut channel = established();
    let (right, wrong) = (Code::new("12345678").unwrap(), Code::raw(b"00000000"));
    let refused = |left| CodeAnswer::Refused {
        tries_left: Some(left),
    };
    assert_eq!(
        channel.verification_status(Reference::Pin).unwrap(),
        refused(3)
    );
    assert_eq!(channel.verify(Reference::Pin, &wrong).unwrap(), refused(2));
    assert_eq!(channel.verify(Reference::Pin, &wrong).unwrap(), refused(1));
    let last = channel.verify(Reference::Pin, &wrong).unwrap();
    assert!(last == refused(0) && last.is_blocked() && !last.is_accepted());
    assert_eq!(
        channel.verify(Reference::Pin, &right).unwrap(),
        CodeAnswer::Blocked
    );
    assert_eq!(channel.unblock().unwrap(), CodeAnswer::Accepted);
    assert!(
        channel
            .change_code(Reference::Pin, &right, &wrong)
            .unwrap()
            .is_accepted()
    );
    assert!(
        channel
            .verify(Reference::Pin, &wrong)
            .unwrap()
            .is_accepted()
    );
    assert!(channel.unblock_with_new_pin(&right).unwrap().is_accepted());
    assert!(
        channel
            .verify(Reference::Pin, &right)
            .unwrap()
            .is_accepted()
    );
    let log = &channel.transport().0.log;
    let last: Vec<_> = log
        .iter()
        .map(|c| (hex::encode(c.header()), c.le))
        .skip(19)
        .collect();
    assert_eq!(last[0], ("00200081".to_owned(), Some(256)));
    assert_eq!(last[1], ("00200081".to_owned(), None));
    assert_eq!(
        last[5],
        ("002c0381".to_owned(), Some(256)),
        "sent with 97 01 00"
    );
    assert_eq!(last[6], ("00240081".to_owned(), None));
    assert_eq!(last[8], ("002c0281".to_owned(), None));
}

#[test]
fn codes_need_a_session_and_do_not_show() {
    let mut channel = channel();
    let code = Code::new("98765432").unwrap();
    let result = channel.verify(Reference::Pin, &code);
    assert!(matches!(result, Err(Error::NoSession { step: "VERIFY" })));
    assert!(channel.unblock().is_err() && channel.verification_status(Reference::Puk).is_err());
    assert!(channel.transport().0.wire.is_empty(), "nothing was sent");
    assert_eq!(format!("{code:?}"), "Code(hidden)");
    for text in ["1234567", "123456789", "1234567a", "１2345678", ""] {
        assert!(Code::new(text).is_err());
    }
    let share = TerminalShare::from_exponent(&domain(), Zeroizing::new(vec![0xAB; 32])).unwrap();
    assert!(!format!("{share:?}").contains("abab"));
    let device = format!("{:?}", Device::published().unwrap());
    assert!(!device.contains("186") && !device.contains("24, 107"));
}

#[test]
fn tries_in_plain() {
    assert_eq!(
        channel().read_tries(Reference::Puk).unwrap(),
        Tries {
            allowed: 10,
            left: 9
        }
    );
}
