// Verifies a DSSE envelope by a public key with sigstore's own packages, which know nothing of us.
//
//   node verify.mjs ENVELOPE KEY.pem KEYID     prints "ok", or the reason and ends with 1
//
// The envelope is put into a sigstore bundle without certificates and without entries of a public
// log; what is then left to verify is the envelope.
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { bundleFromJSON, isBundleWithDsseEnvelope } from "@sigstore/bundle";
import { VerificationError, Verifier, toSignedEntity, toTrustMaterial } from "@sigstore/verify";

const [envelopePath, keyPath, keyid] = process.argv.slice(2);
const dsseEnvelope = JSON.parse(readFileSync(envelopePath, "utf8"));
const publicKey = createPublicKey(readFileSync(keyPath));
const hint = dsseEnvelope.signatures[0].keyid;

const bundle = bundleFromJSON({
  mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
  verificationMaterial: { publicKey: { hint }, tlogEntries: [] },
  dsseEnvelope,
});
if (!isBundleWithDsseEnvelope(bundle)) throw new Error("no envelope in the bundle");

const nobody = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const trust = toTrustMaterial(nobody, (named) => {
  if (named !== keyid) throw new VerificationError({ code: "PUBLIC_KEY_ERROR", message: named });
  return { publicKey, validFor: () => true };
});
const verifier = new Verifier(trust, {
  ctlogThreshold: 0,
  tlogThreshold: 0,
  timestampThreshold: 0,
});

try {
  verifier.verify(toSignedEntity(bundle));
} catch (error) {
  console.error(`${error.code}: ${error.message}`);
  process.exit(1);
}
console.log("ok");
