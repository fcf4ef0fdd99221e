// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every reader model under the real client library: what it lists, what the
//! reader says about itself, and what gets through.
//!
//! The library reads its socket's path once per process, so a child process of
//! this test binary is the client, one for each model.

// Helpers outside of test functions do what test functions may.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::ffi::CString;
use std::process::Command;
use std::time::Duration;

use cie_reader::models::{
    AtrForm, Exchange, Interface, ListedSlot, MODELS, Vacant, lay_out, model,
};
use cie_reader::protocol::codes::{attribute, protocol, rv, share};
use cie_reader::protocol::{ATTRIBUTE_BYTES, Reply, Request, until_nul};
use cie_reader::{Card, Place, ReaderServer, RunningServer};
use common::{ATR, Client, GUARD, card};
use pcsc::{Attribute, Context, Error, Protocol, Protocols, ReaderState, Scope, ShareMode, State};

const CHILD: &str = "CIE_MODELS_TEST_CHILD";

/// A server with the readers of `ids`, and the test card where a card belongs.
fn serve(ids: &[&str]) -> RunningServer {
    let models: Vec<_> = ids.iter().map(|id| model(id).unwrap()).collect();
    let slots = lay_out(&models);
    let mut cards = vec![card().0 as Card];
    let mut next = |slot: &ListedSlot| {
        if slot.takes_card() { cards.pop() } else { None }
    };
    let specs = slots.iter().map(|slot| slot.spec(next(slot))).collect();
    ReaderServer::bind(&Place::Private, specs)
        .unwrap()
        .spawn()
        .unwrap()
}

/// Runs `scenario` in a child process that talks to `server`.
fn child(scenario: &str, server: &RunningServer, ids: &[&str]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([scenario, "--exact", "--ignored", "--nocapture"])
        .env("PCSCLITE_CSOCK_NAME", server.path())
        .env(CHILD, ids.join(","))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{ids:?}:\n{told}{errors}");
    assert!(told.contains("1 passed"), "the child ran nothing:\n{told}");
}

/// The child's side: the slots that should be there, if a parent started it.
fn expected() -> Option<Vec<ListedSlot>> {
    let ids = std::env::var(CHILD).ok()?;
    std::thread::spawn(|| {
        std::thread::sleep(2 * GUARD);
        std::process::exit(101);
    });
    let models: Vec<_> = ids.split(',').map(|id| model(id).unwrap()).collect();
    Some(lay_out(&models))
}

fn name(slot: &ListedSlot) -> CString {
    CString::new(slot.name.clone()).unwrap()
}

fn text(value: &str) -> Vec<u8> {
    [value.as_bytes(), &[0]].concat()
}

#[test]
fn every_model_is_as_its_row_says() {
    for model in MODELS {
        let server = serve(&[model.id]);
        child("child_one_model", &server, &[model.id]);
        for slot in lay_out(&[model]) {
            says_its_name(&server, &slot);
        }
        server.stop().unwrap();
    }
}

/// Both name attributes, which `pcsc` has by wrong numbers.
fn says_its_name(server: &RunningServer, slot: &ListedSlot) {
    let mut client = Client::new(server.path(), 4);
    let Request::Connect(mut connect) = client.connect_request(&slot.name) else {
        panic!()
    };
    connect.share = share::DIRECT;
    let Reply::Connect(reply) = client.ask(&Request::Connect(connect)) else {
        panic!()
    };
    assert_eq!(reply.rv, rv::SUCCESS);
    for id in [
        attribute::DEVICE_FRIENDLY_NAME,
        attribute::DEVICE_SYSTEM_NAME,
    ] {
        let request = Request::GetAttribute(Box::new(cie_reader::protocol::Attribute {
            card: reply.card,
            id,
            value: [0; ATTRIBUTE_BYTES],
            length: 264,
            rv: 0,
        }));
        let Reply::Attribute(value) = client.ask(&request) else {
            panic!()
        };
        if slot.slot.exchange == Exchange::Network {
            assert_eq!(value.rv, rv::INSUFFICIENT_BUFFER);
            continue;
        }
        assert_eq!(value.rv, rv::SUCCESS);
        assert_eq!(until_nul(&value.value), slot.name.as_bytes());
    }
}

#[test]
#[ignore = "runs as a child process"]
fn child_one_model() {
    let Some(slots) = expected() else { return };
    let context = Context::establish(Scope::User).unwrap();
    let listed = context.list_readers_owned().unwrap();
    let names: Vec<_> = slots.iter().map(name).collect();
    assert_eq!(listed, names);
    let holder = slots.iter().position(ListedSlot::takes_card);
    for (number, slot) in slots.iter().enumerate() {
        says_what_it_is(&context, slot);
        if Some(number) == holder {
            holds_the_card(&context, slot);
        } else {
            holds_nothing(&context, slot);
        }
    }
}

/// Attributes and properties, card or not.
fn says_what_it_is(context: &Context, slot: &ListedSlot) {
    let model = slot.model;
    let card = context
        .connect(&name(slot), ShareMode::Direct, Protocols::UNDEFINED)
        .unwrap();
    let get = |attribute| card.get_attribute_owned(attribute);
    assert_eq!(
        get(Attribute::VendorIfdType),
        Err(Error::UnsupportedFeature)
    );
    let own = [
        (
            Attribute::VendorName,
            model.vendor.map(text).unwrap_or_default(),
        ),
        (
            Attribute::VendorIfdVersion,
            (u32::from(model.version) << 16).to_ne_bytes().to_vec(),
        ),
        (
            Attribute::VendorIfdSerialNo,
            model.serial.map(text).unwrap_or_default(),
        ),
        (Attribute::ChannelId, 0x0020_0102_u32.to_ne_bytes().to_vec()),
        (
            Attribute::Maxinput,
            slot.slot.max_input().to_ne_bytes().to_vec(),
        ),
    ];
    for (attribute, value) in own {
        if slot.slot.exchange == Exchange::Network {
            assert_eq!(get(attribute), Err(Error::UnsupportedFeature));
        } else {
            assert_eq!(get(attribute), Ok(value), "{attribute:?} of {}", slot.name);
        }
    }
    let mut room = [0; 264];
    if slot.slot.exchange == Exchange::Network {
        let features = card.control(pcsc::ctl_code(3400), &[], &mut room);
        assert_eq!(features, Err(Error::UnsupportedFeature));
    }
    if let Some((vendor, product)) = model.usb {
        let properties = card.control(0x4233_0012, &[], &mut room).unwrap();
        let find = |tag: u8, length: u8| {
            let window = properties
                .windows(2)
                .position(|w| w == [tag, length])
                .unwrap();
            properties[window + 2..window + 2 + usize::from(length)].to_vec()
        };
        assert_eq!(find(11, 2), vendor.to_le_bytes());
        assert_eq!(find(12, 2), product.to_le_bytes());
        let long = slot.slot.exchange != Exchange::ShortApdu;
        let size: u32 = if long { 0x1_0000 } else { 0 };
        assert_eq!(find(10, 4), size.to_le_bytes());
    }
}

/// The slot with the card in it.
fn holds_the_card(context: &Context, slot: &ListedSlot) {
    let model = slot.model;
    let t1 = context.connect(&name(slot), ShareMode::Shared, Protocols::T1);
    if model.atr == AtrForm::Mute {
        let refused = t1.err();
        assert_eq!(refused, Some(Error::UnpoweredCard), "{}", slot.name);
        return;
    }
    let card = t1.unwrap();
    let status = card.status2_owned().unwrap();
    assert_eq!(status.protocol2(), Some(Protocol::T1));
    match model.atr {
        AtrForm::Historical => assert_eq!(status.atr(), ATR),
        AtrForm::WholeAts => assert_eq!(
            status.atr(),
            [
                0x3B, 0x89, 0x80, 0x01, 0x09, 0x78, 0x77, 0xB1, 0x02, b'T', b'E', b'S', b'T', 0xAB
            ]
        ),
        AtrForm::TypeB => assert_eq!(status.atr()[..4], [0x3B, 0x88, 0x80, 0x01]),
        AtrForm::WholeAtqb => assert_eq!(status.atr()[..5], [0x3B, 0x8C, 0x80, 0x01, 0x50]),
        AtrForm::Mute => unreachable!(),
    }
    let string = card.get_attribute_owned(Attribute::AtrString);
    if slot.slot.exchange == Exchange::Network {
        assert_eq!(string, Err(Error::UnsupportedFeature));
    } else {
        assert_eq!(string.unwrap(), status.atr());
    }
    // What one message cannot hold is not transacted, and the card goes on.
    let mut room = vec![0; 65_548];
    let longest = slot.slot.longest().unwrap_or(60_000);
    let command = [vec![0xFF], vec![0x5A; longest - 1]].concat();
    let echo = card.transmit(&command[..longest - 1], &mut room);
    assert_eq!(echo.map(<[u8]>::len), Ok(longest), "{}", slot.name);
    if slot.slot.longest().is_some() {
        let too_long = [&command[..], &[0]].concat();
        let refused = card.transmit(&too_long, &mut room).err();
        assert_eq!(refused, Some(Error::NotTransacted), "{}", slot.name);
        assert_eq!(
            card.transmit(&[0, 0xB0, 0, 0, 1], &mut room).unwrap().len(),
            3
        );
    }
    drop(card);
    // A reader that speaks T=1 only cannot settle on T=0, whatever the card offers.
    let t0 = context.connect(&name(slot), ShareMode::Shared, Protocols::T0);
    if slot.slot.protocols & protocol::T0 == 0 {
        assert_eq!(t0.err(), Some(Error::UnresponsiveCard), "{}", slot.name);
    }
}

/// A slot of a reader whose card is elsewhere.
fn holds_nothing(context: &Context, slot: &ListedSlot) {
    let mut states = [ReaderState::new(name(slot), State::UNAWARE)];
    context
        .get_status_change(Duration::ZERO, &mut states)
        .unwrap();
    let state = states[0].event_state();
    let refused = context
        .connect(&name(slot), ShareMode::Shared, Protocols::ANY)
        .err();
    match slot.slot.vacant {
        Vacant::Empty => {
            assert!(state.contains(State::EMPTY), "{}: {state:?}", slot.name);
            assert_eq!(refused, Some(Error::NoSmartcard), "{}", slot.name);
        }
        Vacant::Mute => {
            assert_eq!(slot.slot.interface, Interface::Sam);
            assert!(
                state.contains(State::PRESENT | State::MUTE),
                "{}: {state:?}",
                slot.name
            );
            assert_eq!(refused, Some(Error::UnpoweredCard), "{}", slot.name);
        }
    }
}

/// A card with a PUPI has another answer to reset after each reset.
#[test]
fn a_pupi_changes_under_a_client() {
    let server = serve(&["acr122u-b"]);
    child("child_pupi", &server, &["acr122u-b"]);
}

#[test]
#[ignore = "runs as a child process"]
fn child_pupi() {
    let Some(slots) = expected() else { return };
    let context = Context::establish(Scope::User).unwrap();
    let mut card = context
        .connect(&name(&slots[0]), ShareMode::Shared, Protocols::T1)
        .unwrap();
    let before = card.status2_owned().unwrap().atr().to_vec();
    card.reconnect(
        ShareMode::Shared,
        Protocols::T1,
        pcsc::Disposition::ResetCard,
    )
    .unwrap();
    let after = card.status2_owned().unwrap().atr().to_vec();
    assert_eq!(before[..5], after[..5]);
    assert_ne!(before[5..9], after[5..9]);
}

/// Several readers: one list, the card in the first slot that can read it.
#[test]
fn readers_beside_each_other() {
    let ids = ["minilector-evo", "acr1281u", "acr1252u"];
    let server = serve(&ids);
    child("child_beside", &server, &ids);
}

#[test]
#[ignore = "runs as a child process"]
fn child_beside() {
    let Some(slots) = expected() else { return };
    let context = Context::establish(Scope::User).unwrap();
    let names: Vec<_> = slots.iter().map(name).collect();
    assert_eq!(context.list_readers_owned().unwrap(), names);
    let mut states: Vec<_> = slots
        .iter()
        .map(|slot| ReaderState::new(name(slot), State::UNAWARE))
        .collect();
    context
        .get_status_change(Duration::ZERO, &mut states)
        .unwrap();
    let answers: Vec<_> = states.iter().map(|s| s.atr() == ATR).collect();
    assert_eq!(answers, [false, false, true, false, false, false]);
}
