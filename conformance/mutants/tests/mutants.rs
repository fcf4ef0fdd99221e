// SPDX-License-Identifier: MIT OR Apache-2.0
//! x
use cie_mutants::table;

#[test]
fn probe() {
    let begun = std::time::Instant::now();
    for k in table::killed().unwrap() {
        if k.by.is_empty() {
            println!("SURVIVOR {}", k.mutant.name());
        } else {
            println!("killed {} {:?}", k.mutant.name(), k.by);
        }
    }
    println!("{:?}", begun.elapsed());
}
#[test]
fn benign() {
    for t in table::tolerated().unwrap() {
        println!(
            "VAR {} fail {} differs {} incon {}",
            t.variant.name,
            t.blamed.len(),
            t.differs.len(),
            t.inconclusive
        );
        for b in t.blamed {
            println!("   FAIL {b}");
        }
    }
}
