# SPDX-License-Identifier: MIT OR Apache-2.0
# pkcs11-check on one card: SHARD of SHARDS. REPORT gets a copy of what it reports.
. "$SCRIPTS/lib.sh"
. "$SCRIPTS/within.sh"

within python3 "$SCRIPTS/compare_check.py" run "$SHARD" "$SHARDS" "$PWD/report.jsonl" >said 2>&1 ||
    { tail -n 40 said >&2; fail "pkcs11-check"; }
grep -E '^[0-9]+ (failed|passed)' said
cp report.jsonl "$REPORT"
# Its wrong codes are none of the card's, so they cost no try.
pkcs11-tool --module "$MODULE" --list-slots >said
lacks "PIN count low" said
lacks "locked" said
ok "shard $SHARD of $SHARDS: no try of the PIN or PUK is lost"
