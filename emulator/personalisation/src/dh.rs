// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Diffie-Hellman group (choice 2 of section 10): RFC 5114 section 2.3,
//! the 2048-bit MODP group with a 256-bit prime-order subgroup. Numbers only;
//! the cards' real group is not publicly known.

use cie_card::image::DhDomain;
use hex_literal::hex;

const P: [u8; 256] = hex!(
    "87A8E61DB4B6663CFFBBD19C651959998CEEF608660DD0F25D2CEED4435E3B00"
    "E00DF8F1D61957D4FAF7DF4561B2AA3016C3D91134096FAA3BF4296D830E9A7C"
    "209E0C6497517ABD5A8A9D306BCF67ED91F9E6725B4758C022E0B1EF4275BF7B"
    "6C5BFC11D45F9088B941F54EB1E59BB8BC39A0BF12307F5C4FDB70C581B23F76"
    "B63ACAE1CAA6B7902D52526735488A0EF13C6D9A51BFA4AB3AD8347796524D8E"
    "F6A167B5A41825D967E144E5140564251CCACB83E6B486F6B3CA3F7971506026"
    "C0B857F689962856DED4010ABD0BE621C3A3960A54E710C375F26375D7014103"
    "A4B54330C198AF126116D2276E11715F693877FAD7EF09CADB094AE91E1A1597"
);

const G: [u8; 256] = hex!(
    "3FB32C9B73134D0B2E77506660EDBD484CA7B18F21EF205407F4793A1A0BA125"
    "10DBC15077BE463FFF4FED4AAC0BB555BE3A6C1B0C6B47B1BC3773BF7E8C6F62"
    "901228F8C28CBB18A55AE31341000A650196F931C77A57F2DDF463E5E9EC144B"
    "777DE62AAAB8A8628AC376D282D6ED3864E67982428EBC831D14348F6F2F9193"
    "B5045AF2767164E1DFC967C1FB3F2E55A4BD1BFFE83B9C80D052B985D182EA0A"
    "DB2A3B7313D3FE14C8484B1E052588B9B7D2BBD2DF016199ECD06E1557CD0915"
    "B3353BBB64E0EC377FD028370DF92B52C7891428CDC67EB6184B523D1DB246C3"
    "2F63078490F00EF8D647D148D47954515E2327CFEF98C582664B4C0F6CC41659"
);

const Q: [u8; 32] = hex!("8CF83642A709A097B447997640129DA299B1A47D1EB3750BA308B0FE64F5FBD3");

/// The group as the card holds it.
pub(crate) fn domain() -> DhDomain {
    DhDomain {
        g: G.to_vec(),
        p: P.to_vec(),
        q: Q.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crypto_bigint::{
        BoxedUint, NonZero, Odd,
        modular::{BoxedMontyForm, BoxedMontyParams},
    };

    #[test]
    fn the_group_is_what_it_claims() {
        let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, 2048).unwrap();
        let (p, g) = (number(&P), number(&G));
        let q = BoxedUint::from_be_slice(&Q, 256).unwrap();
        let wide_q = NonZero::new(number(&Q)).unwrap();
        let one = BoxedUint::one_with_precision(2048);
        assert_eq!(
            p.wrapping_sub(&one).rem(&wide_q),
            BoxedUint::zero_with_precision(2048)
        );
        let params = BoxedMontyParams::new_vartime(Odd::new(p).unwrap());
        let power = BoxedMontyForm::new(g.clone(), &params).pow(&q).retrieve();
        assert_eq!(power, one);
        assert_ne!(g, one);
    }
}
