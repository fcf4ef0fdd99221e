// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::collection::vec;
use proptest::prelude::*;

use super::codes::rv;
use super::*;

/// Where each structure puts its fields, counted by hand from the public
/// protocol, not by this crate's codec.
#[test]
fn structures_have_the_sizes_of_the_protocol() {
    let sizes = [
        (Command::Version, 12),
        (Command::Establish, 12),
        (Command::Release, 8),
        (Command::Connect, 152),
        (Command::Reconnect, 24),
        (Command::Disconnect, 12),
        (Command::Begin, 8),
        (Command::End, 12),
        (Command::Transmit, 32),
        (Command::Control, 24),
        (Command::Status, 8),
        (Command::Cancel, 8),
        (Command::GetAttribute, 280),
        (Command::SetAttribute, 280),
        (Command::GetReadersState, 0),
        (Command::Wait, 0),
        (Command::StopWaiting, 0),
        (Command::GetReaderEvents, 0),
        (Command::GetStateSize, 0),
        (Command::GetStateArray, 0),
    ];
    assert_eq!(sizes.len(), Command::ALL.len());
    for (command, size) in sizes {
        assert_eq!(command.body_size(), size, "{command:?}");
    }
    assert_eq!(
        (ReaderState::SIZE, WaitEvent::SIZE, ReaderEvents::SIZE),
        (184, 8, 8)
    );
}

#[test]
fn a_connect_on_the_wire() {
    let mut bytes = Vec::new();
    for word in [152_u32, 0x04, 0x1122_3344] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes.extend(b"CIE Virtual Reader 00 00");
    bytes.resize(8 + 4 + 128, 0);
    for word in [2_u32, 3, 7, 1, 0x8010_000C] {
        bytes.extend(word.to_ne_bytes());
    }
    let Ok(Parsed::Complete(Request::Connect(connect), 160)) = Request::parse(&bytes) else {
        panic!("not a connect: {:?}", Request::parse(&bytes));
    };
    assert_eq!(connect.context, 0x1122_3344);
    assert_eq!(until_nul(&connect.reader), b"CIE Virtual Reader 00 00");
    assert_eq!((connect.share, connect.preferred), (2, 3));
    assert_eq!(
        (connect.card, connect.active, connect.rv),
        (7, 1, 0x8010_000C)
    );
    assert_eq!(Request::Connect(connect).to_bytes(), bytes);
}

#[test]
fn a_reader_state_on_the_wire() {
    let mut state = ReaderState::UNUSED;
    state.name = padded(b"R");
    state.event_counter = 0x0101_0101;
    state.state = 0x0202_0202;
    state.sharing = -1;
    state.atr = [0xA5; ATR_BYTES];
    state.atr_length = 0x0303_0303;
    state.protocol = 0x0404_0404;
    let mut bytes = Vec::new();
    state.encode(&mut bytes);
    assert_eq!(bytes[0], b'R');
    assert_eq!(bytes[128..132], [1; 4]);
    assert_eq!(bytes[132..136], [2; 4]);
    assert_eq!(bytes[136..140], [0xFF; 4]);
    assert_eq!(bytes[140..173], [0xA5; 33]);
    assert_eq!(bytes[173..176], [0; 3]);
    assert_eq!(bytes[176..180], [3; 4]);
    assert_eq!(bytes[180..184], [4; 4]);
}

#[test]
fn nonsense_is_found_out_by_its_header() {
    let header = |size: u32, command: u32| {
        let mut bytes = Vec::new();
        Header { size, command }.encode(&mut bytes);
        Request::parse(&bytes)
    };
    for command in [0, 0x03, 0x0C, 0x0E, 0x18, u32::MAX] {
        assert_eq!(
            header(0, command),
            Err(ProtocolError::UnknownCommand(command))
        );
    }
    for command in Command::ALL {
        let wrong = u32::try_from(command.body_size()).unwrap() + 1;
        assert!(matches!(
            header(wrong, command.number()),
            Err(ProtocolError::WrongSize { announced, .. }) if announced == wrong
        ));
    }
}

#[test]
fn buffers_are_bounded_before_they_arrive() {
    let transmit = |send_length| Transmit {
        card: 1,
        send_protocol: 2,
        send_pci: 16,
        send_length,
        receive_protocol: 2,
        receive_pci: 16,
        receive_length: 258,
        rv: 0,
    };
    let parse =
        |length| Request::parse(&Request::Transmit(transmit(length), Vec::new()).to_bytes());
    assert_eq!(parse(65548), Ok(Parsed::Incomplete(LONGEST_REQUEST)));
    assert!(matches!(
        parse(65549),
        Err(ProtocolError::BufferTooLong { .. })
    ));
    assert!(matches!(
        parse(u32::MAX),
        Err(ProtocolError::BufferTooLong { .. })
    ));

    let mut attribute = Attribute {
        card: 1,
        id: 2,
        value: [0; ATTRIBUTE_BYTES],
        length: 265,
        rv: 0,
    };
    let bytes = Request::GetAttribute(Box::new(attribute)).to_bytes();
    assert!(matches!(
        Request::parse(&bytes),
        Err(ProtocolError::BufferTooLong { .. })
    ));
    attribute.length = 264;
    let bytes = Request::SetAttribute(Box::new(attribute)).to_bytes();
    assert!(matches!(Request::parse(&bytes), Ok(Parsed::Complete(..))));
}

#[test]
fn versions() {
    let spoken = |minor| Minor::negotiate(minor).map(Minor::number);
    assert_eq!(
        [i32::MIN, 3, 4, 5, 6, 7, i32::MAX].map(spoken),
        [None, None, Some(4), Some(5), Some(6), Some(6), Some(6)]
    );
}

/// Any request a client could encode.
pub(crate) fn request() -> impl Strategy<Value = Request> {
    let words = any::<[u32; 8]>();
    let buffer = vec(any::<u8>(), 0..600);
    (0..Command::ALL.len(), words, any::<[u8; 32]>(), buffer).prop_map(
        |(command, w, text, buffer)| {
            let card = i32::from_ne_bytes(w[0].to_ne_bytes());
            let length = u32::try_from(buffer.len()).unwrap();
            let attribute = || {
                let mut value = [0; ATTRIBUTE_BYTES];
                value[..32].copy_from_slice(&text);
                Box::new(Attribute {
                    card,
                    id: w[1],
                    value,
                    length: w[2] % 265,
                    rv: w[3],
                })
            };
            match Command::ALL[command] {
                Command::Establish => Request::Establish(Establish {
                    scope: w[0],
                    context: w[1],
                    rv: w[2],
                }),
                Command::Release => Request::Release(Release {
                    context: w[0],
                    rv: w[1],
                }),
                Command::Connect => Request::Connect(Box::new(Connect {
                    context: w[1],
                    reader: padded(&text),
                    share: w[2],
                    preferred: w[3],
                    card,
                    active: w[4],
                    rv: w[5],
                })),
                Command::Reconnect => Request::Reconnect(Reconnect {
                    card,
                    share: w[1],
                    preferred: w[2],
                    initialization: w[3],
                    active: w[4],
                    rv: w[5],
                }),
                Command::Disconnect => Request::Disconnect(Disconnect {
                    card,
                    disposition: w[1],
                    rv: w[2],
                }),
                Command::Begin => Request::Begin(Begin { card, rv: w[1] }),
                Command::End => Request::End(End {
                    card,
                    disposition: w[1],
                    rv: w[2],
                }),
                Command::Transmit => Request::Transmit(
                    Transmit {
                        card,
                        send_protocol: w[1],
                        send_pci: w[2],
                        send_length: length,
                        receive_protocol: w[4],
                        receive_pci: w[5],
                        receive_length: w[6],
                        rv: w[7],
                    },
                    buffer,
                ),
                Command::Control => Request::Control(
                    Control {
                        card,
                        code: w[1],
                        send_length: length,
                        receive_length: w[3],
                        returned: w[4],
                        rv: w[5],
                    },
                    buffer,
                ),
                Command::Status => Request::Status(Status { card, rv: w[1] }),
                Command::Cancel => Request::Cancel(Cancel {
                    context: w[0],
                    rv: w[1],
                }),
                Command::GetAttribute => Request::GetAttribute(attribute()),
                Command::SetAttribute => Request::SetAttribute(attribute()),
                Command::Version => {
                    let minor = i32::from_ne_bytes(w[1].to_ne_bytes());
                    Request::Version(Version {
                        major: card,
                        minor,
                        rv: w[2],
                    })
                }
                Command::GetReadersState => Request::GetReadersState,
                Command::Wait => Request::Wait,
                Command::StopWaiting => Request::StopWaiting,
                Command::GetReaderEvents => Request::GetReaderEvents,
                Command::GetStateSize => Request::GetStateSize,
                Command::GetStateArray => Request::GetStateArray,
            }
        },
    )
}

/// A reply that a server could send to `request`, which is the request's own
/// structure with another result and, if it carries data, its own buffer.
fn reply_to(request: &Request, rv: u32, states: usize) -> Reply {
    match request.clone() {
        Request::Version(m) => Reply::Version(Version { rv, ..m }),
        Request::Establish(m) => Reply::Establish(Establish { rv, ..m }),
        Request::Release(m) => Reply::Release(Release { rv, ..m }),
        Request::Connect(m) => Reply::Connect(Box::new(Connect { rv, ..*m })),
        Request::Reconnect(m) => Reply::Reconnect(Reconnect { rv, ..m }),
        Request::Disconnect(m) => Reply::Disconnect(Disconnect { rv, ..m }),
        Request::Begin(m) => Reply::Begin(Begin { rv, ..m }),
        Request::End(m) => Reply::End(End { rv, ..m }),
        Request::Transmit(m, data) => {
            let data = if rv == rv::SUCCESS { data } else { Vec::new() };
            let receive_length = u32::try_from(data.len()).unwrap();
            Reply::Transmit(
                Transmit {
                    rv,
                    receive_length,
                    ..m
                },
                data,
            )
        }
        Request::Control(m, data) => {
            let data = if rv == rv::SUCCESS { data } else { Vec::new() };
            let returned = u32::try_from(data.len()).unwrap();
            Reply::Control(Control { rv, returned, ..m }, data)
        }
        Request::Status(m) => Reply::Status(Status { rv, ..m }),
        Request::Cancel(m) => Reply::Cancel(Cancel { rv, ..m }),
        Request::GetAttribute(m) | Request::SetAttribute(m) => Reply::Attribute(m),
        Request::GetReadersState | Request::Wait => {
            Reply::ReaderStates(vec![ReaderState::UNUSED; CLASSIC_READERS])
        }
        Request::GetStateArray => Reply::ReaderStates(vec![ReaderState::UNUSED; states]),
        Request::StopWaiting => Reply::WaitEvent(WaitEvent { timeout: 0, rv }),
        Request::GetReaderEvents => Reply::ReaderEvents(ReaderEvents { events: 3, rv }),
        Request::GetStateSize => Reply::StateSize(i32::try_from(states).unwrap()),
    }
}

proptest! {
    #[test]
    fn requests_survive_the_wire(request in request(), behind in vec(any::<u8>(), 0..9)) {
        let mut bytes = request.to_bytes();
        let length = bytes.len();
        bytes.extend(behind);
        prop_assert_eq!(Request::parse(&bytes), Ok(Parsed::Complete(request, length)));
    }

    #[test]
    fn every_prefix_asks_for_more(request in request(), cut in any::<prop::sample::Index>()) {
        let bytes = request.to_bytes();
        let cut = cut.index(bytes.len());
        let Ok(Parsed::Incomplete(needed)) = Request::parse(&bytes[..cut]) else {
            return Err(TestCaseError::fail("a prefix passed for a request"));
        };
        prop_assert!(cut < needed && needed <= bytes.len());
    }

    #[test]
    fn replies_survive_the_wire(request in request(), rv in prop_oneof![Just(0), any::<u32>()], states in 16_usize..40) {
        let reply = reply_to(&request, rv, states);
        let bytes = reply.to_bytes();
        prop_assert_eq!(
            Reply::parse(request.command(), states, &bytes),
            Ok(Parsed::Complete(reply, bytes.len()))
        );
        for cut in [0, bytes.len() / 2, bytes.len() - 1] {
            let partial = Reply::parse(request.command(), states, &bytes[..cut]);
            prop_assert!(matches!(partial, Ok(Parsed::Incomplete(needed)) if needed > cut));
        }
    }

    #[test]
    fn any_bytes_are_safe(bytes in vec(any::<u8>(), 0..2000), command in 0_u32..0x20, size in 0_u32..300) {
        let _ = Request::parse(&bytes);
        let mut framed = Vec::new();
        Header { size, command }.encode(&mut framed);
        framed.extend(&bytes);
        let _ = Request::parse(&framed);
        for command in Command::ALL {
            let _ = Reply::parse(command, 16, &bytes);
            if let Ok(Parsed::Incomplete(needed)) = Request::parse(&framed) {
                prop_assert!(needed <= LONGEST_REQUEST);
            }
        }
    }
}
