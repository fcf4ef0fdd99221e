// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use proptest::prelude::*;

fn all_frames(stream: &mut FrameStream) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(frame) = stream.next_frame() {
        frames.push(frame.to_vec());
    }
    frames
}

#[test]
fn controls_are_the_bytes_of_the_protocol() {
    for (byte, control) in [
        (0, Control::Off),
        (1, Control::On),
        (2, Control::Reset),
        (4, Control::Atr),
    ] {
        assert_eq!(Request::parse(&[byte]), Ok(Request::Control(control)));
        assert_eq!(Request::Control(control).payload(), Ok(vec![byte]));
    }
    assert_eq!(Request::parse(&[3]), Ok(Request::Apdu(&[3])));
    assert_eq!(Request::parse(&[]), Err(FrameError::Empty));
}

#[test]
fn what_has_no_frame_is_refused() {
    let long = vec![0; LONGEST_PAYLOAD + 1];
    let mut out = vec![7];
    assert_eq!(encode(&long, &mut out), Err(FrameError::TooLong(0x1_0000)));
    assert_eq!(out, [7]);
    assert_eq!(
        Request::Apdu(&long).payload(),
        Err(FrameError::TooLong(0x1_0000))
    );
    assert_eq!(
        Request::Apdu(&[4]).payload(),
        Err(FrameError::LooksLikeControl(4))
    );
    assert_eq!(Request::Apdu(&[]).payload(), Err(FrameError::Empty));
}

#[test]
fn the_longest_frame_goes_through() {
    let payload = vec![0xA5; LONGEST_PAYLOAD];
    let mut bytes = Vec::new();
    encode(&payload, &mut bytes).unwrap();
    let mut stream = FrameStream::new();
    stream.push(&bytes[..bytes.len() - 1]);
    assert_eq!(stream.next_frame(), None);
    stream.push(&bytes[bytes.len() - 1..]);
    assert_eq!(stream.next_frame(), Some(payload.as_slice()));
    assert_eq!(stream.pending(), 0);
}

proptest! {
    /// Split or coalesced anywhere, the same frames come out.
    #[test]
    fn frames_survive_any_cut(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..8),
        cuts in prop::collection::vec(1_usize..700, 0..40),
    ) {
        let mut bytes = Vec::new();
        for payload in &payloads {
            encode(payload, &mut bytes).unwrap();
        }
        let mut stream = FrameStream::new();
        let mut got = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            stream.push(now);
            got.extend(all_frames(&mut stream));
            rest = later;
        }
        stream.push(rest);
        got.extend(all_frames(&mut stream));
        prop_assert_eq!(got, payloads);
        prop_assert_eq!(stream.pending(), 0);
    }

    #[test]
    fn one_byte_at_a_time(payload in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = Vec::new();
        encode(&payload, &mut bytes).unwrap();
        let mut stream = FrameStream::new();
        let (last, before) = bytes.split_last().unwrap();
        for byte in before {
            stream.push(&[*byte]);
            prop_assert_eq!(stream.next_frame(), None);
        }
        stream.push(&[*last]);
        prop_assert_eq!(stream.next_frame(), Some(payload.as_slice()));
    }

    /// Any bytes: frames re-encode to what was pushed, and nothing is kept
    /// beyond one incomplete frame.
    #[test]
    fn any_bytes_are_frames_and_a_rest(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        let mut stream = FrameStream::new();
        stream.push(&bytes);
        let frames = all_frames(&mut stream);
        let mut again = Vec::new();
        for frame in &frames {
            encode(frame, &mut again).unwrap();
        }
        prop_assert!(bytes.starts_with(&again));
        prop_assert_eq!(stream.pending(), bytes.len() - again.len());
        prop_assert!(stream.pending() < HEADER_BYTES + LONGEST_PAYLOAD);
    }

    #[test]
    fn requests_survive(payload in prop::collection::vec(any::<u8>(), 1..300)) {
        let request = Request::parse(&payload).unwrap();
        match request.payload() {
            Ok(again) => prop_assert_eq!(again, payload),
            Err(error) => prop_assert_eq!(error, FrameError::LooksLikeControl(payload[0])),
        }
    }
}
