// SPDX-License-Identifier: MIT OR Apache-2.0
//! The door of a card whose manners are others.

use cie_card::Card;
use iso7816_wire::{CardDoor, CommandApdu, ResponseApdu, StatusWord};
use std::time::Duration;

/// How the bytes leave the card.
#[derive(Clone, Copy)]
pub(super) enum Manner {
    /// As ever.
    Usual,
    /// Later.
    Slow(Duration),
    /// With other status words, where the answer is nothing else.
    Words(&'static [(u16, u16)]),
    /// In pieces of at most 256 bytes by GET RESPONSE.
    Pieces {
        /// The most bytes that still come at once.
        longest: usize,
        /// Only after commands without Le.
        only_case_3: bool,
    },
}

/// A card that is only different.
#[derive(Clone)]
pub struct Benign {
    card: Card,
    manner: Manner,
    waiting: Option<ResponseApdu>,
}

impl Benign {
    pub(super) fn new(card: Card, manner: Manner) -> Self {
        Self {
            card,
            manner,
            waiting: None,
        }
    }

    /// Holds the data back, or serves those that wait.
    fn in_pieces(&mut self, command: &[u8], longest: usize, only_case_3: bool) -> Vec<u8> {
        let apdu = CommandApdu::parse(command).ok();
        if let (Some(waiting), Some(apdu)) = (self.waiting.take(), &apdu)
            && apdu.ins == 0xC0
            && matches!(apdu.cla, 0x00 | 0x0C)
            && apdu.data.is_empty()
        {
            if (apdu.p1, apdu.p2) != (0, 0) {
                self.waiting = Some(waiting);
                return StatusWord::WRONG_P1_P2.to_bytes().to_vec();
            }
            return self.piece(waiting, apdu.le.unwrap_or(256));
        }
        let answer = self.card.transmit(command);
        let Ok(parsed) = ResponseApdu::parse(&answer) else {
            return answer;
        };
        let concerned = apdu.is_some_and(|apdu| apdu.le.is_none() || !only_case_3);
        // What the card itself gives in pieces stays as it is.
        if parsed.data.len() <= longest || parsed.sw.is_more_data() || !concerned {
            return answer;
        }
        let first = self.piece(parsed, 0);
        debug_assert!(self.waiting.is_some());
        first
    }

    fn piece(&mut self, mut answer: ResponseApdu, count: usize) -> Vec<u8> {
        let mut data = std::mem::take(&mut answer.data);
        let rest = data.split_off(count.min(data.len()));
        let sw = if rest.is_empty() {
            answer.sw
        } else {
            StatusWord::more_data(rest.len())
        };
        if !rest.is_empty() {
            answer.data = rest;
            self.waiting = Some(answer);
        }
        data.extend(sw.to_bytes());
        data
    }
}

impl CardDoor for Benign {
    fn power_on(&mut self) -> Vec<u8> {
        self.waiting = None;
        self.card.power_on()
    }

    fn reset(&mut self) -> Vec<u8> {
        self.waiting = None;
        self.card.reset()
    }

    fn power_off(&mut self) {
        self.waiting = None;
        self.card.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        match self.manner {
            Manner::Usual => self.card.transmit(command),
            Manner::Slow(delay) => {
                std::thread::sleep(delay);
                self.card.transmit(command)
            }
            Manner::Words(words) => {
                let answer = self.card.transmit(command);
                let other = words.iter().find(|(from, _)| answer == from.to_be_bytes());
                other.map_or(answer, |(_, to)| to.to_be_bytes().to_vec())
            }
            Manner::Pieces {
                longest,
                only_case_3,
            } => self.in_pieces(command, longest, only_case_3),
        }
    }
}
