// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie demo`: a citizen's story, told through the private socket by the
//! project's own terminal.

use crate::desk::{Desk, READER_NAME, issue};
use crate::error::CliError;
use crate::out;
use crate::trace::Recorder;
use anstyle::{AnsiColor, Style};
use chacha20::ChaCha20Rng;
use cie_card::image::Code as CardCode;
use cie_personalisation::IssuedCard;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use cie_terminal::keys::PublicKey;
use cie_terminal::pcsc;
use cie_terminal::sod::{DataGroup, Sod};
use cie_terminal::steps::agreement::TerminalShare;
use cie_terminal::steps::code::{Code, CodeAnswer, Reference};
use cie_terminal::steps::device_certificate::Device;
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::steps::read::le;
use cie_terminal::steps::select::file;
use cie_terminal::{Channel, Error};
use rand_core::SeedableRng;
use std::time::Instant;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Yellow.on_default().bold();
const STRONG: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// What the citizen signs.
const MESSAGE: &[u8] = b"I have read the terms of my software card.";

/// Tells the story; an error names the step at which it broke off.
pub(crate) fn demo(seed: u64) -> Result<(), CliError> {
    let issued = issue(seed)?;
    let recorder = Recorder::new(None);
    let desk = Desk::set_up(&issued, &recorder)?;
    let started = Instant::now();

    out::line(format!("{STRONG}A day in the life of a CIE 3.0{STRONG:#}"))?;
    out::line(format!(
        "{DIM}A test card of nobody's, on a private PC/SC socket. Seed {seed}.{DIM:#}\n"
    ))?;
    let mut story = Story {
        step: "",
        issued: &issued,
        rng: ChaCha20Rng::from_seed([0x5A; 32]),
    };
    let told = story.tell(&desk);
    let step = story.step;
    let cards = desk.inspect();
    let tries = cards.first().map(|card| (card.pin_tries, card.puk_tries));
    let (pin_tries, puk_tries) = tries.unwrap_or_default();
    desk.clear()?;
    told.map_err(|error| CliError::Story {
        step,
        reason: error.to_string(),
    })?;

    let (_, exchanges) = recorder.last_exchanges();
    out::line(format!(
        "\n{DIM}{exchanges} APDUs in {} ms. PIN tries left: {pin_tries}, PUK tries left: {puk_tries}.{DIM:#}",
        started.elapsed().as_millis(),
    ))?;
    out::line("\nThe same card for your own program:\n  cie run -- YOUR-PROGRAM")
}

struct Story<'a> {
    step: &'static str,
    issued: &'a IssuedCard,
    rng: ChaCha20Rng,
}

/// Why the story broke off.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

impl Story<'_> {
    fn begin(&mut self, step: &'static str) {
        self.step = step;
    }

    /// One line: what happened, and what the card said or what it means.
    fn good(&self, detail: &str) -> Result<(), CliError> {
        self.line(GOOD, '✓', detail)
    }

    /// The same for something the card rightly refused.
    fn refused(&self, detail: &str) -> Result<(), CliError> {
        self.line(BAD, '✗', detail)
    }

    fn line(&self, style: Style, mark: char, detail: &str) -> Result<(), CliError> {
        let step = self.step;
        out::line(format!(
            "  {style}{mark}{style:#} {STRONG}{step:<34}{STRONG:#} {detail}"
        ))
    }

    fn tell(&mut self, desk: &Desk) -> Outcome<()> {
        self.begin("A card lies on the reader");
        let context = pcsc::Context::open(desk.socket(), pcsc::Options::default())?;
        let mut card = pcsc::Card::connect(context, READER_NAME)?;
        let atr = card.atr()?;
        self.good(&format!("ATR {}", hex::encode_upper(&atr)))?;
        let mut channel = Channel::new(card);

        let files = self.at_the_counter(&mut channel)?;
        self.getting_acquainted(&mut channel)?;
        self.with_the_pin(&mut channel, files)?;
        self.a_bad_day(&mut channel)
    }

    /// What anybody may read: the NIS, the proof against copies.
    fn at_the_counter(&mut self, channel: &mut Channel<pcsc::Card>) -> Outcome<Files> {
        self.begin("It tells its number to anybody");
        channel.select_root_any()?;
        let dh = channel.read_file(file::DH, le::ALL)?;
        channel.select_cie()?;
        let nis = channel.read_file(file::ID_SERVIZI, le::ALL)?;
        self.good(&format!(
            "NIS {}, no PIN asked",
            String::from_utf8_lossy(&nis)
        ))?;

        self.begin("It proves that it is no copy");
        let clone_key = channel.read_file(file::ANTI_CLONING_KEY, le::ALL)?;
        let check = channel.check_not_cloned(&PublicKey::from_file(&clone_key)?, &mut self.rng)?;
        self.good(&format!(
            "{} random bytes signed with key 83",
            check.challenge.len()
        ))?;

        self.begin("Its secrets stay closed");
        match channel.read_file(file::SERIAL, le::ALL) {
            Err(Error::Status { sw, .. }) => {
                self.refused(&format!("serial number: {sw}, {}", sw.in_words()))?;
            }
            Err(error) => return Err(error.into()),
            Ok(_) => return Err("the card gave its serial number away without PIN".into()),
        }
        Ok(Files { nis, dh, clone_key })
    }

    /// Key agreement and mutual device authentication.
    fn getting_acquainted(&mut self, channel: &mut Channel<pcsc::Card>) -> Outcome<()> {
        self.begin("A secret is agreed in the open");
        let domain = channel.read_domain(DomainForm::Whole)?;
        let device_key = PublicKey::from_file(&channel.read_file(file::DEVICE_KEY, le::ALL)?)?;
        let ca = channel.read_ca_key()?;
        let share = TerminalShare::generate(&domain, &mut self.rng)?;
        let agreement = channel.agree_keys(&domain, &share)?;
        self.good("Diffie-Hellman, 2048 bits; from here on all is encrypted")?;

        self.begin("Terminal and card show their keys");
        let device = Device::published()?;
        let proof =
            channel.authenticate_devices(&agreement, &ca, &device, &device_key, &mut self.rng)?;
        self.good(&format!(
            "card {}, key 82 verified",
            hex::encode_upper(proof.card_serial)
        ))?;
        Ok(())
    }

    fn with_the_pin(&mut self, channel: &mut Channel<pcsc::Card>, files: Files) -> Outcome<()> {
        self.begin("A wrong PIN");
        let answer = channel.verify(Reference::Pin, &self.wrong_code()?)?;
        self.refused(&in_words(answer))?;
        expect(
            answer
                == CodeAnswer::Refused {
                    tries_left: Some(2),
                },
        )?;

        self.begin("The right PIN");
        let answer = channel.verify(Reference::Pin, &code(self.issued.pin())?)?;
        expect(answer.is_accepted())?;
        self.good("accepted, all three tries are back")?;

        self.begin("The certificate opens");
        let serial = channel.read_file(file::SERIAL, le::ALL)?;
        let content = channel.read_file(file::CERTIFICATE, le::ALL)?;
        let certificate = CardCertificate::from_file(&content)?;
        let summary = certificate.summary();
        self.good(&format!(
            "{} {}, card {}",
            summary.given_name,
            summary.surname,
            String::from_utf8_lossy(&serial)
        ))?;

        self.begin("The issuer vouches for every file");
        let device_key = channel.read_file(file::DEVICE_KEY, le::ALL)?;
        let sod = Sod::parse(&channel.read_file(file::SOD, le::ALL)?)?;
        let report = sod.check(&[
            (DataGroup::IdServizi, &files.nis),
            (DataGroup::Serial, &serial),
            (DataGroup::Certificate, &content),
            (DataGroup::DeviceKey, &device_key),
            (DataGroup::AntiCloningKey, &files.clone_key),
            (DataGroup::Dh, &files.dh),
        ]);
        if let Some(mismatch) = report.mismatches.first() {
            return Err(mismatch.to_string().into());
        }
        self.good(&format!(
            "{} files match the signed security object",
            report.intact.len()
        ))?;

        self.begin("The citizen signs");
        let signature = channel.sign_message(HashAlgorithm::Sha256, MESSAGE)?;
        certificate.verify(HashAlgorithm::Sha256, MESSAGE, &signature)?;
        self.good(&format!(
            "{} bytes, verified with the certificate",
            signature.len()
        ))?;
        Ok(())
    }

    /// Three wrong PINs, and the way back.
    fn a_bad_day(&mut self, channel: &mut Channel<pcsc::Card>) -> Outcome<()> {
        self.begin("Three wrong PINs");
        let wrong = self.wrong_code()?;
        let mut answers = Vec::new();
        for tries_left in [2, 1, 0] {
            let answer = channel.verify(Reference::Pin, &wrong)?;
            expect(
                answer
                    == CodeAnswer::Refused {
                        tries_left: Some(tries_left),
                    },
            )?;
            answers.push(format!("63C{tries_left}"));
        }
        self.refused(&format!("{}: blocked", answers.join(", ")))?;

        self.begin("Now even the right PIN");
        let answer = channel.verify(Reference::Pin, &code(self.issued.pin())?)?;
        self.refused(&in_words(answer))?;
        expect(answer == CodeAnswer::Blocked)?;

        self.begin("The PUK from the letter");
        let answer = channel.verify(Reference::Puk, &code(self.issued.puk())?)?;
        expect(answer.is_accepted())?;
        let new = self.new_code()?;
        expect(channel.unblock_with_new_pin(&new)?.is_accepted())?;
        self.good("accepted; a new PIN is set")?;

        self.begin("The new PIN");
        expect(channel.verify(Reference::Pin, &new)?.is_accepted())?;
        self.good("accepted; the card is as good as new")?;
        Ok(())
    }

    /// A code that is not the PIN.
    fn wrong_code(&self) -> Outcome<Code> {
        let digits = if self.issued.pin().matches(b"13572468") {
            "24681357"
        } else {
            "13572468"
        };
        Ok(Code::new(digits)?)
    }

    /// The PIN the citizen chooses instead of the old one.
    fn new_code(&self) -> Outcome<Code> {
        let digits: String = self.issued.pin().expose().chars().rev().collect();
        Ok(Code::new(&digits)?)
    }
}

/// Content that the security object is checked against later.
struct Files {
    nis: Vec<u8>,
    dh: Vec<u8>,
    clone_key: Vec<u8>,
}

fn code(issued: &CardCode) -> Outcome<Code> {
    Ok(Code::new(issued.expose())?)
}

fn expect(holds: bool) -> Outcome<()> {
    if holds {
        Ok(())
    } else {
        Err("the card answered something else than expected".into())
    }
}

fn in_words(answer: CodeAnswer) -> String {
    match answer {
        CodeAnswer::Accepted => "accepted".to_owned(),
        CodeAnswer::Refused {
            tries_left: Some(1),
        } => "refused, 1 try left".to_owned(),
        CodeAnswer::Refused {
            tries_left: Some(n),
        } => format!("refused, {n} tries left"),
        CodeAnswer::Refused { tries_left: None } => "refused".to_owned(),
        CodeAnswer::Blocked => "6983, blocked".to_owned(),
    }
}
