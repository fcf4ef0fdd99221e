// SPDX-License-Identifier: MIT OR Apache-2.0
//! Contents of the files (sections 1.4, 2 and 2.1).

use crate::edges::row::Ground::{Choice, Fact};
use crate::edges::row::Start::{Cie, Pin, Root};
use crate::edges::row::{Unit, row};

pub(super) const UNIT: Unit = Unit {
    name: "FILE",
    title: "contents of the files",
    rows: &[
        row(
            1,
            "EF.DIR names three applications",
            Root,
            "00A4020C(2F00) = 9000; \
                00B0000000 = 61[4F[A0000000308000000009816001] 50[49415320454343]] 61[4F[A00000000039] 50[434945]] 61[4F[A0000002471001] 50[654D525444]] 9000",
            Choice(8),
        ),
        row(
            2,
            "EF.ATR of the STM families, known whole",
            Root,
            "[stm stm2 stm3] 00A4020C(2F01) = 9000; \
                00B0000000 = 80004301B94604000000104703940181 4F0CA00000009500000000 8A0001 E010020200FF020200FF0202010002020100 780806062B8122F87802 82029000 9000",
            Fact("[C] 1.4"),
        ),
        row(
            3,
            "EF.ATR of Gemalto holds IasEccRoot",
            Root,
            "[gemalto] 00A4020C(2F01) = 9000; \
                00B0000000 = ~496173456363526F6F74~ & ~82029000 9000",
            Fact("[C] 1.4"),
        ),
        row(
            4,
            "EF.ATR of Gemalto2 announces extended length",
            Root,
            "[gemalto2] 00A4020C(2F01) = 9000; 00B0000000 = ~47039441C0~ & ~82029000 9000",
            Fact("[C] 1.4"),
        ),
        row(
            5,
            "EF.ATR of the NXP families has their marker",
            Root,
            "[nxp nxp-14] 00A4020C(2F01) = 9000; \
                00B0000000 = 80004301B8460410101010470394~ & ~82029000 9000",
            Fact("[C] 1.4"),
        ),
        row(
            6,
            "EF.ATR of Actalis: its letters in tag 46",
            Root,
            "[actalis] 00A4020C(2F01) = 9000; \
                00B0000000 = 80004301B8460549544A34414703940181~ & ~82029000 9000",
            Choice(18),
        ),
        row(
            7,
            "EF.ATR of Actalis 2023",
            Root,
            "[actalis-2023] 00A4020C(2F01) = 9000; \
                00B0000000 = 80004301B8460549544A34434703940181~ & ~82029000 9000",
            Choice(18),
        ),
        row(
            8,
            "EF.ATR of Actalis B946",
            Root,
            "[actalis-b946] 00A4020C(2F01) = 9000; \
                00B0000000 = 80004301B8460549544A344C4703940181~ & ~82029000 9000",
            Choice(18),
        ),
        row(
            9,
            "EF.ATR of Bit4id",
            Root,
            "[bit4id] 00A4020C(2F01) = 9000; \
                00B0000000 = 80004301B8460549544A34424703940181~ & ~82029000 9000",
            Choice(18),
        ),
        row(
            10,
            "EF.ATR of Bit4id 2023",
            Root,
            "[bit4id-2023] 00A4020C(2F01) = 9000; \
                00B0000000 = 80004301B8460549544A34444703940181~ & ~82029000 9000",
            Choice(18),
        ),
        row(
            11,
            "EF.ATR of Bit4id B9547",
            Root,
            "[bit4id-b9547] 00A4020C(2F01) = 9000; \
                00B0000000 = 80004301B8460549544A34494703940181~ & ~82029000 9000",
            Choice(18),
        ),
        row(
            12,
            "EF.ATR as the family's row has it",
            Root,
            "00A4020C(2F01) = 9000; 00B0000000 = {EF2F01} 9000",
            Choice(29),
        ),
        row(
            13,
            "EF.SN.ICC: 5A 0A and ten bytes",
            Root,
            "00A4020C(D003) = 9000; 00B0000000 = 5A0A~ & #12 9000",
            Fact("[C] 2.1"),
        ),
        row(
            14,
            "EF.SN.ICC: the NIS stands in bytes 5 to 10",
            Root,
            "00A4020C(D003) = 9000; 00B0000506 = {NIS-BCD} 9000",
            Fact("[C] 2.1"),
        ),
        row(
            15,
            "EF.SN.ICC: prefix of an issuer that does not exist",
            Root,
            "00A4020C(D003) = 9000; 00B0000203 = 999999 9000",
            Choice(3),
        ),
        row(
            16,
            "EF.DH is the whole domain as GET DATA gives it",
            Cie,
            "all 00CB3FFF(4D[70[BFA101[A380]]]) = {EFD004} 9000",
            Choice(2),
        ),
        row(
            17,
            "EF.DH in the order g, p, q",
            Root,
            "00A4020C(D004) = 9000; 00B0000000 = 70820234 BFA10182022E A382022A 97820100~ 9000",
            Choice(2),
        ),
        row(
            18,
            "EF.ID_Servizi: twelve digits and nothing else",
            Cie,
            "00A4020C(1001) = 9000; 00B0000000 = {NIS} & #12 9000",
            Fact("[C] 2.1"),
        ),
        row(
            19,
            "EF.Seriale: nine characters",
            Pin,
            "sm 00A4020C(1002) = 9000; sm 00B0000000 = {SERIAL} & #9 9000",
            Fact("[C] 2.1"),
        ),
        row(
            20,
            "EF.Cert_CIE: the certificate, exactly as long as it is",
            Pin,
            "sm 00A4020C(1003) = 9000; \
                sm 00B0000000 = {CERT:0..256} & 3082~ 9000; \
                sm 00B0010000 = {CERT:256..512} 9000; \
                sm 00B0{L1003}00 = 6B00",
            Choice(16),
        ),
        row(
            21,
            "EF.Int.Kpub: RSAPublicKey of key 82",
            Cie,
            "00A4020C(1004) = 9000; \
                00B0000000 = 3082010A0282010100~ & #256 9000; \
                00B0010000 = ~0203010001 & #14 9000",
            Fact("[C] 2.1"),
        ),
        row(
            22,
            "EF.Servizi_Int.Kpub: RSAPublicKey of key 83",
            Cie,
            "00A4020C(1005) = 9000; \
                00B0000000 = 3082010A0282010100~ & #256 9000; \
                00B0010000 = ~0203010001 & #14 9000",
            Fact("[C] 2.1"),
        ),
        row(
            23,
            "EF.SOD begins with tag 77 around a CMS",
            Cie,
            "00A4020C(1006) = 9000; \
                00B0000004 = 7782~ & #4 9000; \
                00B0000410 = 3082~ & ~2A864886F70D010702~ 9000",
            Fact("[C] 6"),
        ),
        row(
            24,
            "EF.SOD ends where its size says",
            Cie,
            "00A4020C(1006) = 9000; 00B0{L1006}00 = 6B00",
            Choice(16),
        ),
        row(
            25,
            "EF.SOD with SHA-256 in the older families",
            Cie,
            "[gemalto gemalto2 nxp nxp-14 stm stm2 stm3] 00A4020C(1006) = 9000; \
                00B0000040 = ~0609608648016503040201~ 9000",
            Choice(29),
        ),
        row(
            26,
            "EF.SOD with SHA-512 in the newer families",
            Cie,
            "[actalis actalis-2023 actalis-b946 bit4id bit4id-2023 bit4id-b9547] 00A4020C(1006) = 9000; \
                00B0000040 = ~0609608648016503040203~ 9000",
            Choice(29),
        ),
    ],
};
