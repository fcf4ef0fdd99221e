// SPDX-License-Identifier: MIT OR Apache-2.0
//! The test cases of BSI TR-03105, and what this bench has for each. Only the
//! identifiers are theirs; they were read from the public documents, versions
//! as named, and none is from memory.

use super::Alias;
use std::fmt::Write as _;

/// Why a test case has no counterpart here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// It tests what these cards do not have.
    NotApplicable,
    /// It could be tested, but not by this bench.
    NotPossible,
}

/// A unit of a document.
struct Unit {
    specification: &'static str,
    /// Identifiers without their last part.
    prefix: &'static str,
    about: &'static str,
    /// The last parts of the identifiers.
    numbers: &'static str,
    /// Which of them are about the matter of which case here, `CIE_IAS_` left
    /// out.
    covered: &'static [(&'static str, &'static str)],
    rest: Rest,
    /// Why the others are not covered.
    reason: &'static str,
}

use Rest::{NotApplicable, NotPossible};

#[rustfmt::skip]
const UNITS: &[Unit] = &[
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_H", about: "PACE",
        numbers: "1 2 3 4_Template 5_Template 6_Template 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36",
        covered: &[],
        rest: NotPossible, reason: "the eMRTD application with PACE is not on this card yet" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_I", about: "chip authentication",
        numbers: "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
        covered: &[("1", "KAT_001"), ("2", "KAT_039"), ("3", "KAT_016"), ("6", "KAT_025"), ("14", "KAT_022"), ("15", "KAT_013")],
        rest: NotApplicable, reason: "the card has no chip authentication of EAC 2 and no elliptic curves; the key agreement stands in its place, where the matter is the same" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_J", about: "certificate verification",
        numbers: "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52",
        covered: &[("1", "DAPP_006"), ("2", "DAPP_028"), ("3", "DAPP_009"), ("4", "DAPP_017"), ("5", "DAPP_018"), ("12", "DAPP_004"), ("29", "DAPP_013"), ("33", "DAPP_005"), ("39", "DAPP_023")],
        rest: NotApplicable, reason: "one certificate without dates, recovered from its signature, stands in the place of a chain; where the matter is the same the device authentication has it" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_K", about: "terminal authentication",
        numbers: "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
        covered: &[("1", "DAPP_001"), ("3", "DAPP_038"), ("7", "CHAL_026"), ("8", "CHAL_004"), ("9", "CHAL_014"), ("10", "DAPP_039"), ("12", "DAPP_065")],
        rest: NotApplicable, reason: "the device authentication stands in its place, where the matter is the same; it has no roles to choose among, and may be repeated in a session" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_L", about: "effective access conditions",
        numbers: "1 2 3 4 5 6 7 8 9 10 11 12 13_Template 14_Template 15_Template 16_Template 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45",
        covered: &[("9", "ACC_006")],
        rest: NotApplicable, reason: "no data groups and no rights in certificates" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_M", about: "updates of trust points and of the date",
        numbers: "1 2 3 4 5 6 7 8 9 10 11 12 13 14",
        covered: &[],
        rest: NotApplicable, reason: "the card keeps no date, and its trust point does not change" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_N", about: "migration",
        numbers: "1 2",
        covered: &[],
        rest: NotApplicable, reason: "the card does not change its algorithms" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_O", about: "access conditions with PACE",
        numbers: "1 2 3 4 5_Template 6_Template 7_Template 8_Template 9 10 11 12",
        covered: &[],
        rest: NotApplicable, reason: "no data groups and no rights in certificates" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_P", about: "PIN management",
        numbers: "1 2 3 4 5 6 7 8 8a 9 10 11 12 13 14 15 16 17 18 19 20",
        covered: &[("1", "PIN_005"), ("2", "PIN_009"), ("7", "PIN_042"), ("8", "PIN_007"), ("8a", "PIN_008"), ("9", "PUK_019"), ("10", "PUK_025"), ("20", "PIN_056")],
        rest: NotApplicable, reason: "no suspended PIN, no CAN, no PIN that is switched off; the PIN is changed with the old one and reset with the PUK only" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_Q", about: "auxiliary data",
        numbers: "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22",
        covered: &[],
        rest: NotApplicable, reason: "the card verifies no age, validity or community" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_R", about: "restricted identification",
        numbers: "1 2 3 4 5 6 7 8 9 10 11 12",
        covered: &[],
        rest: NotApplicable, reason: "the card has none" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_T", about: "ENVELOPE",
        numbers: "1 2 3 4 5",
        covered: &[],
        rest: NotApplicable, reason: "the card has no ENVELOPE; chains and GET RESPONSE have units of their own, CHAIN and RESP" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_U", about: "COMPARE",
        numbers: "1_Template 2_Template 3_Template 4_Template 5_Template 6_Template 7_Template 8_Template 9 10 11 12 13 14",
        covered: &[],
        rest: NotApplicable, reason: "the card has no COMPARE" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_ISO7816_V", about: "chip authentication version 3",
        numbers: "1 2 3 4 5 6 7 8 9 10 11 12",
        covered: &[],
        rest: NotApplicable, reason: "the card has none" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_DATA_A", about: "EF.CardAccess",
        numbers: "1a 1b 2 3 4 5 6 7 8 9",
        covered: &[],
        rest: NotPossible, reason: "the eMRTD application with PACE is not on this card yet" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_DATA_B", about: "EF.CardSecurity",
        numbers: "1 2 3 4 5 6 7 8 9 10 11",
        covered: &[],
        rest: NotPossible, reason: "the eMRTD application with PACE is not on this card yet" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_EIDDATA_B", about: "eID data groups",
        numbers: "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21",
        covered: &[],
        rest: NotApplicable, reason: "the card has no such files; unit FILE has those that it has" },
    Unit { specification: "BSI TR-03105-3.3 V1.2", prefix: "EAC2_DATA_C", about: "EF.ChipSecurity",
        numbers: "1 2 3 4 5 6 7 8 9 10 11 12",
        covered: &[],
        rest: NotApplicable, reason: "the card has no such file" },
    Unit { specification: "BSI TR-03105-3.4 V1.0", prefix: "ESIGN_ISO7816_S", about: "eSign application",
        numbers: "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24",
        covered: &[("3", "PIN_004"), ("4", "ACC_032"), ("5", "PIN_042"), ("14", "PIN_056"), ("15", "PIN_007"), ("16", "PIN_008"), ("17", "PIN_051"), ("18", "PUK_025"), ("23", "ACC_029")],
        rest: NotApplicable, reason: "key and PIN are made by the issuer and never made, set or ended afterwards, and one PIN opens key 81 for many signatures (CIE_IAS_SIGN_019)" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "ISO7816_A", about: "application selection",
        numbers: "01 02 03",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "ISO7816_B", about: "Basic Access Control",
        numbers: "01 02 03 04 05 06 07 08 09 10",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "ISO7816_C", about: "reading files",
        numbers: "01 02 03 04 05 06 07 08",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "ISO7816_D", about: "chip authentication",
        numbers: "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "ISO7816_E", about: "terminal authentication",
        numbers: "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "ISO7816_F", about: "active authentication",
        numbers: "01 02 03 04 05 06 07 08 09",
        covered: &[("08", "MW_TRUTH_01")],
        rest: NotPossible, reason: "key and algorithms are those of the eMRTD application, which is not on this card yet; key 83 stands in its place, where the matter is the same" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "ISO7816_G", about: "PACE",
        numbers: "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "LDS_A", about: "EF.COM",
        numbers: "01 02 03 04 05 06 07 08 09 10",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "LDS_B", about: "EF.DG1",
        numbers: "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "LDS_C", about: "EF.DG2",
        numbers: "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "LDS_D", about: "EF.DG3",
        numbers: "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "LDS_E", about: "EF.DG4",
        numbers: "01 02 03 04 05 06 07 08 09 10 11 12 13 14",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "LDS_F", about: "EF.DG14",
        numbers: "01 02 03 04 05 06 07",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "LDS_G", about: "EF.CVCA",
        numbers: "01 02",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "LDS_H", about: "EF.SOD",
        numbers: "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98",
        covered: &[("17", "MW_CONTENT_10"), ("18", "MW_CONTENT_17"), ("19", "MW_CONTENT_17"), ("43", "MW_TRUTH_02"), ("54", "MW_TRUTH_03"), ("67", "MW_TRUTH_03")],
        rest: NotPossible, reason: "for EF.SOD of DF CIE this bench has no case for each field and each algorithm; damaged security objects are drawn (CIE_MW_CONTENT_17, CIE_MW_CONTENT_18)" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "LDS_I", about: "EF.DG15",
        numbers: "01 02 03",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "LDS_J", about: "EF.CardSecurity",
        numbers: "01 02 03 04",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
    Unit { specification: "BSI TR-03105-5.1 V1.5", prefix: "LDS_K", about: "EF.ATR/INFO",
        numbers: "01 02 03 04",
        covered: &[],
        rest: NotPossible, reason: "it tests an inspection system in front of the eMRTD application, which is not on this card yet" },
];

impl Unit {
    fn id(&self, number: &str) -> String {
        format!("{}_{number}", self.prefix)
    }

    fn case(&self, number: &str) -> Option<String> {
        let (_, case) = self.covered.iter().find(|(of, _)| *of == number)?;
        Some(match case.strip_prefix("MW_") {
            Some(case) => format!("CIE_MW_{case}"),
            None => format!("CIE_IAS_{case}"),
        })
    }
}

/// The test cases that are about the matter of this case.
pub(crate) fn aliases(case: &str) -> Vec<Alias> {
    let of_unit = |unit: &'static Unit| {
        let numbers = unit.covered.iter().map(|(number, _)| *number);
        let covered = numbers.filter(|number| unit.case(number).as_deref() == Some(case));
        covered.map(|number| Alias {
            specification: unit.specification,
            id: unit.id(number),
        })
    };
    UNITS.iter().flat_map(of_unit).collect()
}

const HEAD: &str = "\
# BSI TR-03105 and this bench

The Technical Guideline TR-03105 of the German BSI is the published model of a test plan for such
cards. This page says of each test case of its parts 3.3 (cards with EAC 2, version 1.2 of 10
February 2020), 3.4 (eSign application, version 1.0 of 1 April 2010) and 5.1 (inspection systems,
version 1.5 of 10 February 2020) what this bench has for it. Only identifiers are taken from these
documents; they were read in a public conversion of the published files to Markdown
(`xoryouyou/bsi-technical-guidelines-markdown`, state of 20 April 2025). Version 1.4 of part
3.3 could not be read there and is not considered. Identifiers that a document names as a range
(EAC2_DATA_B_2 to 7, EAC2_DATA_C_2 to 10) are written out.

The Italian card has other protocols than the German one. *Covered* means that a case here is about
the same matter with this card's own commands (of part 5.1: in front of middleware instead of an
inspection system; where that part sends on to a guideline of ICAO, the matter is that of its title),
and never that the test case itself is run; such a case carries the identifier as an alias
(`cie-conformance explain`). *Not applicable*: these cards do not have what is tested. *Not possible*:
it could be tested, but not by this bench.

This page is written from the table in the code:
`cargo run -p cie-conformance --example tr03105 > docs/tr-03105.md`.
";

/// The page in the documentation.
#[must_use]
pub fn tr03105_page() -> String {
    let mut page = HEAD.to_owned();
    let mut specification = "";
    // Writing to a string cannot fail.
    for unit in UNITS {
        if unit.specification != specification {
            specification = unit.specification;
            let of = UNITS
                .iter()
                .filter(|unit| unit.specification == specification);
            let (mut all, mut covered) = (0, 0);
            for unit in of {
                all += unit.numbers.split(' ').count();
                covered += unit.covered.len();
            }
            let _ = write!(
                page,
                "\n## {specification}\n\n{all} test cases, {covered} of them covered.\n\n\
                 | test case | about | here |\n|---|---|---|\n"
            );
        }
        rows(&mut page, unit);
    }
    page
}

/// A row for each covered test case, then one for the others.
fn rows(page: &mut String, unit: &Unit) {
    let mut others = Vec::new();
    for number in unit.numbers.split(' ') {
        match unit.case(number) {
            Some(case) => {
                let (id, about) = (unit.id(number), unit.about);
                let _ = writeln!(page, "| {id} | {about} | covered: {case} |");
            }
            None => others.push(unit.id(number)),
        }
    }
    let kind = match unit.rest {
        NotApplicable => "not applicable",
        NotPossible => "not possible",
    };
    let (ids, about, reason) = (others.join(", "), unit.about, unit.reason);
    let _ = writeln!(page, "| {ids} | {about} | {kind}: {reason} |");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::all_cases;

    #[test]
    fn every_covered_test_case_names_a_case_and_comes_back_as_its_alias() {
        let cases = all_cases();
        let mut aliases = 0;
        for unit in UNITS {
            let numbers: Vec<_> = unit.numbers.split(' ').collect();
            for (number, _) in unit.covered {
                assert!(numbers.contains(number), "{}", unit.id(number));
                let id = unit.case(number).unwrap();
                let case = cases.iter().find(|case| case.id == id);
                let case = case.unwrap_or_else(|| panic!("{id} does not exist"));
                let named = |alias: &Alias| alias.id == unit.id(number);
                assert!(case.aliases.iter().any(named), "{id}");
                aliases += 1;
            }
        }
        let all: usize = cases.iter().map(|case| case.aliases.len()).sum();
        assert_eq!(all, aliases);
        assert!(all > 30);
    }

    #[test]
    fn the_page_is_written_from_the_table() {
        let page = include_str!("../../../../docs/tr-03105.md");
        assert!(page == tr03105_page(), "write docs/tr-03105.md again");
    }
}
