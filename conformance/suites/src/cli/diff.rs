// SPDX-License-Identifier: MIT OR Apache-2.0
//! `diff`: where two cards part.

use super::error::{BenchError, EXIT_FOUND, EXIT_UNDECIDED};
use super::print;
use super::target::ReaderOptions;
use cie_conformance::card::control::family_of;
use cie_conformance::card::reader::ReaderDoor;
use cie_conformance::diff::{Closeness, Compared, Divergence, Player, catalogue, compare, random};
use cie_conformance::edges::{Allow, Bench, Papers, Single};
use cie_conformance::ours;
use cie_conformance::report::Exchange;
use clap::Args;
use iso7816_wire::CardDoor;
use std::path::Path;
use std::process::ExitCode;

pub(super) const HELP: &str = "\
A card is a chip family (`stm`), a file of `cie new` (`card.cie`, which is not changed), or
`reader:NAME`. If one is in a reader, only commands are sent that cost no card anything, and of its
answers only status words and lengths are shown.

Exit codes: 0 alike, 1 they part, 3 a stream could not be sent to its end.";

#[derive(Debug, Args)]
pub(super) struct Options {
    #[arg(value_name = "CARD_A")]
    a: String,
    #[arg(value_name = "CARD_B")]
    b: String,
    #[command(flatten)]
    place: ReaderOptions,
    /// Seed of the random streams and of the cards
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many random streams follow those of the catalogue
    #[arg(long, default_value_t = 100)]
    streams: usize,
    /// Steps of a random stream
    #[arg(long, default_value_t = 30)]
    steps: usize,
    /// Compare every byte, and not only status words and lengths
    #[arg(long)]
    bytes: bool,
    /// Go on behind the first difference, one line for each stream
    #[arg(long)]
    all: bool,
}

pub(super) fn diff(options: &Options) -> Result<ExitCode, BenchError> {
    let mut a = options.player(&options.a)?;
    let mut b = options.player(&options.b)?;
    let harmless = a.is_protected() || b.is_protected();
    let closeness = if options.bytes {
        Closeness::Bytes
    } else {
        Closeness::Shape
    };
    let mut streams = catalogue(!harmless);
    streams.extend(random(
        options.seed,
        options.streams,
        options.steps,
        !harmless,
    ));
    let (mut alike, mut parted, mut left_out) = (0_usize, 0_usize, 0_usize);
    let mut stopped = Vec::new();
    for stream in &streams {
        match compare([a.as_mut(), b.as_mut()], stream, closeness) {
            Compared::Alike => alike += 1,
            Compared::LeftOut(_) => left_out += 1,
            Compared::Stopped(why) => stopped.push(format!("{}: {why}", stream.name)),
            Compared::Parted(found) if options.all => {
                parted += 1;
                print(line(&found))?;
            }
            Compared::Parted(found) => {
                print(whole(&found, [&options.a, &options.b]))?;
                return Ok(ExitCode::from(EXIT_FOUND));
            }
        }
    }
    for why in stopped.iter().take(10) {
        print(format_args!("not sent to its end: {why}\n"))?;
    }
    print(format_args!(
        "{} streams: {alike} alike, {parted} part, {left_out} left out, {} not \
         sent to their end\n",
        streams.len(),
        stopped.len()
    ))?;
    Ok(if parted > 0 {
        ExitCode::from(EXIT_FOUND)
    } else if stopped.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_UNDECIDED)
    })
}

impl Options {
    fn player(&self, card: &str) -> Result<Box<dyn Player>, BenchError> {
        if let Some(reader) = card.strip_prefix("reader:") {
            let mut door = ReaderDoor::new(self.place.spot(reader)?);
            let atr = door.power_on();
            let family = family_of(&atr);
            let papers = Papers {
                family: family.map(|f| f.id.to_owned()).unwrap_or_default(),
                root_by_aid: family.is_some_and(|f| f.root_by_aid),
                extended_length: family.is_some_and(|f| f.extended_length()),
                atr,
                ..Papers::default()
            };
            return Ok(Box::new(Single::protected(door, papers, Allow::default())));
        }
        let path = Path::new(card);
        let specimen = if path.exists() {
            ours::from_file(path)?
        } else {
            ours::specimen(super::target::family(card)?, self.seed)?
        };
        Ok(Box::new(Bench::new(specimen)))
    }
}

fn line(found: &Divergence) -> String {
    let [a, b] = &found.answers;
    let action = action(found);
    let (name, step) = (&found.stream.name, found.step);
    format!("{name} step {step}, {action}: {a} | {b}\n")
}

fn action(found: &Divergence) -> &str {
    let at = found.step.saturating_sub(1);
    found.stream.actions.get(at).map_or("", String::as_str)
}

fn whole(found: &Divergence, cards: [&str; 2]) -> String {
    let mut text = format!(
        "They part in {} from {:?} at step {}:\n",
        found.stream.name,
        found.stream.start.name(),
        found.step
    );
    for (number, action) in (1..=found.step).zip(&found.stream.actions) {
        text += &format!("{number:>4}. {action}\n");
    }
    let sides = cards.iter().zip(&found.answers).zip(&found.exchanges);
    for ((card, answer), exchanges) in sides {
        text += &format!("{card}: {answer}\n");
        for exchange in exchanges {
            text += &shown(exchange);
        }
    }
    text
}

fn shown(exchange: &Exchange) -> String {
    let mut text = format!("    > {}\n    < {}\n", exchange.command, exchange.response);
    if !exchange.plain_command.is_empty() {
        text += &format!("      inside > {}\n", exchange.plain_command);
    }
    if !exchange.plain_response.is_empty() {
        text += &format!("      inside < {}\n", exchange.plain_response);
    }
    text
}
