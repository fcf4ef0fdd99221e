// SPDX-License-Identifier: MIT OR Apache-2.0
//! How each case on a reader is played.

use super::client::{Client, SELECT};
use super::desk::{Desk, Stop, holds, must, must_not, protocol_name, undecided};
use cie_terminal::pcsc::{
    Disposition, Handle, PcscError, ScardCode, Share, WaitOutcome, attribute, protocol,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

type Played = Result<(), Stop>;

/// How long a wait is left alone before something is done about it.
const MOMENT: Duration = Duration::from_millis(200);
/// Length of the data of a long command, in bytes.
const LONG: u16 = 300;

const NOT_NOW: &[ScardCode] = &[ScardCode::SharingViolation];

pub(super) fn t1_asked(desk: &Desk<'_>) -> Played {
    let mut a = desk.client("A")?;
    let (handle, active) = must(a.connect(Share::Shared, protocol::T1))?;
    holds(active == protocol::T1, || {
        format!("T=1 was asked for, and {} is there", protocol_name(active))
    })?;
    a.works(handle)?;
    a.leave(handle);
    Ok(())
}

pub(super) fn any_asked(desk: &Desk<'_>) -> Played {
    let mut a = desk.client("A")?;
    let (handle, active) = must(a.connect(Share::Shared, protocol::ANY))?;
    holds(matches!(active, protocol::T0 | protocol::T1), || {
        format!(
            "T=0 or T=1 was asked for, and {} is there",
            protocol_name(active)
        )
    })?;
    a.carries(handle, active, SELECT)?;
    a.leave(handle);
    Ok(())
}

/// A program and its handle.
type User<'a> = (Client<'a>, Handle);

/// Two programs with a shared handle each.
fn two<'a>(desk: &'a Desk<'a>) -> Result<(User<'a>, User<'a>), Stop> {
    let (mut a, mut b) = (desk.client("A")?, desk.client("B")?);
    let (first, second) = (a.shared()?, b.shared()?);
    Ok(((a, first), (b, second)))
}

pub(super) fn two_shared(desk: &Desk<'_>) -> Played {
    let (mut a, mut b) = (desk.client("A")?, desk.client("B")?);
    let first = a.shared()?;
    let (second, _) = must(b.connect(Share::Shared, protocol::T1))?;
    a.works(first)?;
    b.works(second)?;
    a.works(first)?;
    a.leave(first);
    b.works(second)?;
    b.leave(second);
    Ok(())
}

pub(super) fn exclusive_beside_shared(desk: &Desk<'_>) -> Played {
    let (mut a, mut b) = (desk.client("A")?, desk.client("B")?);
    let first = a.shared()?;
    let refused = b.connect(Share::Exclusive, protocol::T1);
    must_not("SCardConnect for B alone", NOT_NOW, refused)?;
    a.works(first)?;
    a.leave(first);
    let (second, _) = must(b.connect(Share::Exclusive, protocol::T1))?;
    b.leave(second);
    Ok(())
}

pub(super) fn shared_beside_exclusive(desk: &Desk<'_>) -> Played {
    let (mut a, mut b) = (desk.client("A")?, desk.client("B")?);
    let (first, _) = must(a.connect(Share::Exclusive, protocol::T1))?;
    let refused = b.connect(Share::Shared, protocol::T1);
    must_not("SCardConnect beside one who is alone", NOT_NOW, refused)?;
    a.works(first)?;
    a.leave(first);
    let (second, _) = must(b.connect(Share::Shared, protocol::T1))?;
    b.works(second)?;
    b.leave(second);
    Ok(())
}

/// A call with a handle.
type Call = fn(&mut Client<'_>, Handle) -> Result<(), PcscError>;

/// Every call that is tried with a handle that is none.
const CALLS: [(&str, Call); 4] = [
    ("SCardStatus", |a, handle| a.status(handle)),
    ("SCardTransmit", |a, handle| a.select(handle).map(drop)),
    ("SCardBeginTransaction", |a, handle| {
        a.begin(handle, Duration::ZERO)
    }),
    ("SCardDisconnect", |a, handle| {
        a.disconnect(handle, Disposition::Leave)
    }),
];

/// The call is refused. A server may hang up instead: to the library such a
/// handle is unknown in the first place, so who asks is not one of its programs.
fn is_none(client: &mut Client<'_>, handle: Handle, (name, call): (&str, Call)) -> Played {
    match call(client, handle) {
        Err(PcscError::Closed { .. }) => Ok(()),
        other => must_not(name, &[ScardCode::InvalidHandle], other),
    }
}

pub(super) fn disconnected(desk: &Desk<'_>) -> Played {
    for call in CALLS {
        let mut a = desk.client("A")?;
        let handle = a.shared()?;
        must(a.disconnect(handle, Disposition::Leave))?;
        is_none(&mut a, handle, call)?;
    }
    works_anew(desk)
}

pub(super) fn of_another(desk: &Desk<'_>) -> Played {
    let mut a = desk.client("A")?;
    let handle = a.shared()?;
    for call in CALLS {
        is_none(&mut desk.client("B")?, handle, call)?;
        a.works(handle)?;
    }
    a.leave(handle);
    Ok(())
}

/// The server and the reader are well for the next program.
fn works_anew(desk: &Desk<'_>) -> Played {
    let mut next = desk.client("C")?;
    let handle = next.shared()?;
    next.works(handle)?;
    next.leave(handle);
    Ok(())
}

pub(super) fn released(desk: &Desk<'_>) -> Played {
    let (mut a, mut b) = (desk.client("A")?, desk.client("B")?);
    must(a.connect(Share::Exclusive, protocol::T1))?;
    must(a.release())?;
    let (handle, _) = must(b.connect(Share::Exclusive, protocol::T1))?;
    b.works(handle)?;
    b.leave(handle);
    Ok(())
}

pub(super) fn nested(desk: &Desk<'_>) -> Played {
    let ((mut a, first), (mut b, second)) = two(desk)?;
    must(a.begin(first, Duration::ZERO))?;
    must(a.begin(first, Duration::ZERO))?;
    must(a.end(first, Disposition::Leave))?;
    let between = b.begin(second, Duration::ZERO);
    must_not("SCardBeginTransaction of B", NOT_NOW, between)?;
    must(a.end(first, Disposition::Leave))?;
    must(b.begin(second, desk.soon()))?;
    b.works(second)?;
    must(b.end(second, Disposition::Leave))?;
    a.leave(first);
    b.leave(second);
    Ok(())
}

pub(super) fn end_alone(desk: &Desk<'_>) -> Played {
    let mut a = desk.client("A")?;
    let handle = a.shared()?;
    let ended = a.end(handle, Disposition::Leave);
    must_not("SCardEndTransaction", &[ScardCode::NotTransacted], ended)?;
    a.works(handle)?;
    a.leave(handle);
    Ok(())
}

pub(super) fn status_beside(desk: &Desk<'_>) -> Played {
    let ((mut a, first), (mut b, second)) = two(desk)?;
    must(a.begin(first, desk.soon()))?;
    // Both are an answer; what it must not do is wait.
    if b.status(second)
        .is_err_and(|error| error.code() != Some(ScardCode::SharingViolation))
    {
        let again = b.status(second);
        must_not("SCardStatus of B", NOT_NOW, again)?;
    }
    a.works(first)?;
    must(a.end(first, Disposition::Leave))?;
    b.works(second)?;
    a.leave(first);
    b.leave(second);
    Ok(())
}

pub(super) fn transmit_beside(desk: &Desk<'_>) -> Played {
    let ((mut a, first), (mut b, second)) = two(desk)?;
    must(a.begin(first, desk.soon()))?;
    let between = b.select(second);
    must_not("SCardTransmit of B", NOT_NOW, between)?;
    a.works(first)?;
    must(a.end(first, Disposition::Leave))?;
    b.works(second)?;
    a.leave(first);
    b.leave(second);
    Ok(())
}

pub(super) fn end_of_another(desk: &Desk<'_>) -> Played {
    let ((mut a, first), (mut b, second)) = two(desk)?;
    must(a.begin(first, desk.soon()))?;
    let codes = &[ScardCode::SharingViolation, ScardCode::NotTransacted];
    let ended = b.end(second, Disposition::Leave);
    must_not("SCardEndTransaction of B", codes, ended)?;
    let between = b.select(second);
    must_not("SCardTransmit of B", NOT_NOW, between)?;
    must(a.end(first, Disposition::Leave))?;
    b.works(second)?;
    a.leave(first);
    b.leave(second);
    Ok(())
}

pub(super) fn in_line(desk: &Desk<'_>) -> Played {
    let ((mut a, first), (mut b, second)) = two(desk)?;
    must(a.begin(first, desk.soon()))?;
    let ending = AtomicBool::new(false);
    let (ended, early, mut b) = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let begun = b.begin(second, desk.soon());
            (begun, !ending.load(Ordering::SeqCst), b)
        });
        std::thread::sleep(MOMENT);
        ending.store(true, Ordering::SeqCst);
        let ended = a.end(first, Disposition::Leave);
        let waited = waiting.join();
        let (begun, early, b) =
            waited.map_err(|_| Stop::Undecided("the thread of B is gone".to_owned()))?;
        must(begun)?;
        Ok((ended, early, b))
    })?;
    must(ended)?;
    holds(!early, || {
        "the transaction of B begins while that of A lasts".to_owned()
    })?;
    b.works(second)?;
    must(b.end(second, Disposition::Leave))?;
    a.leave(first);
    b.leave(second);
    Ok(())
}

pub(super) fn disconnect_ends(desk: &Desk<'_>) -> Played {
    let ((mut a, first), (mut b, second)) = two(desk)?;
    must(a.begin(first, desk.soon()))?;
    must(a.disconnect(first, Disposition::Leave))?;
    must(b.begin(second, desk.soon()))?;
    must(b.end(second, Disposition::Leave))?;
    b.leave(second);
    Ok(())
}

/// What A does is a reset: B is told, until it takes its handle up again.
fn told(
    desk: &Desk<'_>,
    reset: impl FnOnce(&mut Client<'_>, Handle) -> Result<bool, Stop>,
) -> Played {
    let ((mut a, first), (mut b, second)) = two(desk)?;
    b.works(second)?;
    let still = reset(&mut a, first)?;
    b.is_told(second, ScardCode::ResetCard)?;
    must(b.reconnect(second, Disposition::Leave))?;
    b.works(second)?;
    if still {
        a.leave(first);
    }
    b.leave(second);
    Ok(())
}

pub(super) fn warm(desk: &Desk<'_>) -> Played {
    told(desk, |a, handle| {
        must(a.reconnect(handle, Disposition::Reset))?;
        a.works(handle)?;
        Ok(true)
    })
}

pub(super) fn cold(desk: &Desk<'_>) -> Played {
    told(desk, |a, handle| {
        must(a.reconnect(handle, Disposition::Unpower))?;
        a.works(handle)?;
        Ok(true)
    })
}

pub(super) fn by_disconnect(desk: &Desk<'_>) -> Played {
    told(desk, |a, handle| {
        must(a.disconnect(handle, Disposition::Reset))?;
        Ok(false)
    })
}

pub(super) fn by_end(desk: &Desk<'_>) -> Played {
    told(desk, |a, handle| {
        must(a.begin(handle, desk.soon()))?;
        must(a.end(handle, Disposition::Reset))?;
        Ok(true)
    })
}

/// An attribute; `None` if the reader does not have it.
fn attribute_of(a: &mut Client<'_>, handle: Handle, id: u32) -> Result<Option<Vec<u8>>, Stop> {
    match a.attribute(handle, id) {
        Err(error) if error.code() == Some(ScardCode::UnsupportedFeature) => Ok(None),
        other => must(other).map(Some),
    }
}

pub(super) fn atr_string(desk: &Desk<'_>) -> Played {
    let mut a = desk.client("A")?;
    let handle = a.shared()?;
    let listed = desk.state(&mut a)?.atr;
    let told = attribute_of(&mut a, handle, attribute::ATR_STRING)?;
    a.leave(handle);
    let told = told.ok_or_else(|| {
        Stop::Departs("SCARD_ATTR_ATR_STRING is not offered (SCARD_E_UNSUPPORTED_FEATURE)".into())
    })?;
    holds(told == listed, || {
        format!(
            "SCARD_ATTR_ATR_STRING is {}, and the state says {}",
            hex::encode_upper(&told),
            hex::encode_upper(&listed)
        )
    })
}

pub(super) fn max_input(desk: &Desk<'_>) -> Played {
    let mut a = desk.client("A")?;
    let handle = a.shared()?;
    let told = attribute_of(&mut a, handle, attribute::MAXINPUT)?;
    let lacks = |why: String| Err(Stop::Lacks(why));
    let Some(told) = told else {
        a.leave(handle);
        return lacks("the reader does not offer SCARD_ATTR_MAXINPUT".to_owned());
    };
    let most = told.first_chunk::<4>().filter(|_| told.len() == 4);
    let most = most
        .map(|bytes| u32::from_le_bytes(*bytes))
        .ok_or_else(|| {
            Stop::Departs(format!(
                "SCARD_ATTR_MAXINPUT has {} bytes; a number has four",
                told.len()
            ))
        })?;
    let mut long = vec![0x00, 0xA4, 0x04, 0x0C, 0x00];
    long.extend(LONG.to_be_bytes());
    long.resize(long.len() + usize::from(LONG), 0xA0);
    if usize::try_from(most).is_ok_and(|most| most < long.len()) {
        a.leave(handle);
        let length = long.len();
        return lacks(format!(
            "the reader takes {most} bytes, and the command of the case has {length}"
        ));
    }
    // Whatever the card says of it, the reader carried it.
    a.carries(handle, protocol::T1, &long)?;
    a.works(handle)?;
    a.leave(handle);
    Ok(())
}

/// A wait that ends by itself while nothing happens; elsewhere something may.
fn quiet(a: &mut Client<'_>, limit: Duration) -> Result<WaitOutcome, Stop> {
    for _ in 0..3 {
        match must(a.wait(limit))? {
            WaitOutcome::Changed => {}
            other => return Ok(other),
        }
    }
    Err(Stop::Undecided(
        "readers or cards come and go all the time".to_owned(),
    ))
}

pub(super) fn no_time(desk: &Desk<'_>) -> Played {
    let mut a = desk.client("A")?;
    let outcome = quiet(&mut a, Duration::ZERO)?;
    desk.note(
        "A SCardGetStatusChange with timeout 0".to_owned(),
        format!("{outcome:?}"),
    );
    holds(outcome == WaitOutcome::TimedOut, || {
        format!("the wait ends as {outcome:?}; nothing changed and nobody cancelled it")
    })?;
    let handle = a.shared()?;
    a.works(handle)?;
    a.leave(handle);
    Ok(())
}

pub(super) fn cancel(desk: &Desk<'_>) -> Played {
    let (mut a, mut b) = (desk.client("A")?, desk.client("B")?);
    let id = a.id();
    let limit = desk.soon();
    let outcome = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| quiet(&mut a, limit));
        let begun = Instant::now();
        let mut last = Ok(());
        while !waiting.is_finished() && begun.elapsed() < limit {
            std::thread::sleep(MOMENT);
            // Before the wait has begun, a server may call the context none.
            last = b.cancel(id);
        }
        let outcome = waiting.join();
        let outcome = outcome.map_err(|_| Stop::Undecided("the thread of A is gone".into()))??;
        match (outcome, last) {
            (WaitOutcome::Cancelled, _) | (_, Ok(())) => Ok(outcome),
            (_, Err(error)) => Err(must(Err::<(), _>(error))
                .err()
                .unwrap_or(Stop::Departs("SCardCancel is refused".to_owned()))),
        }
    })?;
    desk.note(
        "B SCardCancel while A is in SCardGetStatusChange".to_owned(),
        format!("{outcome:?}"),
    );
    holds(outcome == WaitOutcome::Cancelled, || {
        format!("the wait ends as {outcome:?} although it was cancelled")
    })?;
    let handle = a.shared()?;
    a.works(handle)?;
    a.leave(handle);
    Ok(())
}

pub(super) fn shares(desk: &Desk<'_>) -> Played {
    let (mut a, mut b) = (desk.client("A")?, desk.client("B")?);
    let is = |client: &mut Client<'_>, due: i32| {
        let told = desk.state(client)?.sharing;
        holds(told == due, || {
            format!("the list of readers says {told} users; it is {due} (-1: one, alone)")
        })
    };
    let first = a.shared()?;
    is(&mut b, 1)?;
    let second = b.shared()?;
    is(&mut a, 2)?;
    a.leave(first);
    b.leave(second);
    is(&mut a, 0)?;
    let (alone, _) = a
        .connect(Share::Exclusive, protocol::T1)
        .map_err(|error| undecided(&error))?;
    is(&mut b, -1)?;
    a.leave(alone);
    is(&mut b, 0)
}

pub(super) fn no_room(desk: &Desk<'_>) -> Played {
    let mut a = desk.client("A")?;
    let handle = a.shared()?;
    let narrow = a.transmit(handle, protocol::T1, SELECT, 1);
    must_not(
        "SCardTransmit with room for 1 byte",
        &[ScardCode::InsufficientBuffer],
        narrow,
    )?;
    let exact = must(a.transmit(handle, protocol::T1, SELECT, 2))?;
    holds(exact.len() == 2, || {
        format!(
            "the answer to SELECT without data has {} bytes",
            exact.len()
        )
    })?;
    a.works(handle)?;
    a.leave(handle);
    Ok(())
}

pub(super) fn other_protocol(desk: &Desk<'_>) -> Played {
    let mut a = desk.client("A")?;
    let handle = a.shared()?;
    let wrong = a.transmit(handle, protocol::T0, SELECT, 258);
    must_not("SCardTransmit with T=0", &[ScardCode::ProtoMismatch], wrong)?;
    a.works(handle)?;
    a.leave(handle);
    Ok(())
}

/// Whatever comes of bytes that are no command, the reader is well afterwards,
/// at the latest after SCardReconnect with a cold reset.
fn survives(desk: &Desk<'_>, bytes: &[u8]) -> Played {
    let mut a = desk.client("A")?;
    let handle = a.shared()?;
    match a.transmit(handle, protocol::T1, bytes, 258) {
        Err(error) if error.code().is_none() => return Err(undecided(&error)),
        _ => {}
    }
    if a.works(handle).is_err() {
        must(a.reconnect(handle, Disposition::Unpower))?;
        a.works(handle)?;
    }
    a.leave(handle);
    Ok(())
}

pub(super) fn three_bytes(desk: &Desk<'_>) -> Played {
    survives(desk, &[0x00, 0xA4, 0x04])
}

pub(super) fn one_byte(desk: &Desk<'_>) -> Played {
    survives(desk, &[0xFF])
}

pub(super) fn no_byte(desk: &Desk<'_>) -> Played {
    survives(desk, &[])
}
