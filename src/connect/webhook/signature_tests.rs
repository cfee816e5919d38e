use super::*;
use crate::model::Secret;
use crate::model::webhook::Scheme;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const BODY: &[u8] = br#"{"type":"record.updated","recordId":"7"}"#;

fn verifier(scheme: Scheme, header: &str, prefix: &str, secrets: &[&str]) -> Verifier {
    let secrets = secrets.iter().map(|secret| Secret::new(*secret)).collect();
    let proof = Proof::Signature { scheme, header: header.to_owned(), prefix: prefix.to_owned(), secrets };
    Verifier::new(&proof).expect("a proof that can be used").expect("a signature is wanted")
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a header"))).collect()
}

#[test]
fn a_plain_hmac_is_taken_in_hex_and_in_base64_and_with_its_prefix() {
    let signature = mac(b"key", &[BODY]);
    let plain = verifier(Scheme::HmacSha256, "X-Signature", "", &["key"]);
    let (hex, base64) = (hex_of(&signature), STANDARD.encode(&signature));
    for text in [hex.clone(), hex.to_uppercase(), base64, URL_SAFE.encode(&signature)] {
        assert_eq!(plain.verify(&headers(&[("x-signature", &text)]), BODY, NOW), Ok(()), "{text}");
    }
    let prefixed = verifier(Scheme::HmacSha256, "X-Signature", "sha256=", &["key"]);
    assert_eq!(prefixed.verify(&headers(&[("x-signature", &format!("sha256={hex}"))]), BODY, NOW), Ok(()));
    assert_eq!(prefixed.verify(&headers(&[("x-signature", &hex)]), BODY, NOW), Err(Refusal::NoSignature));
}

// The example of GitHub's own documentation.
#[test]
fn githubs_own_example_fits() {
    let github = verifier(Scheme::Github, "", "", &["It's a Secret to Everybody"]);
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let headers = headers(&[("x-hub-signature-256", signature)]);
    assert_eq!(github.verify(&headers, b"Hello, World!", NOW), Ok(()));
    assert_eq!(github.verify(&headers, b"Hello, World?", NOW), Err(Refusal::WrongSignature));
}

#[test]
fn standard_webhooks_sign_id_and_time_with_the_body() {
    let scheme = verifier(Scheme::StandardWebhooks, "", "", &["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
    let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
    let signature = STANDARD.encode(mac(&key, &[b"msg_1.1700000000.", BODY]));
    let said = |id: &str, time: &str| {
        let text = format!("v1,bm9uc2Vuc2U= v2,x v1,{signature}");
        headers(&[("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", &text)])
    };
    assert_eq!(scheme.verify(&said("msg_1", "1700000000"), BODY, NOW), Ok(()));
    assert_eq!(scheme.verify(&said("msg_2", "1700000000"), BODY, NOW), Err(Refusal::WrongSignature));
    assert_eq!(scheme.verify(&said("msg_1", "1700000001"), BODY, NOW), Err(Refusal::WrongSignature));
}

#[test]
fn stripes_signature_carries_its_time_and_may_be_one_of_several() {
    let scheme = verifier(Scheme::Stripe, "", "", &["whsec_a"]);
    let right = hex_of(&mac(b"whsec_a", &[b"1700000000.", BODY]));
    let header = format!("t=1700000000,v1={},v1={right},v0=ignored", "0".repeat(64));
    assert_eq!(scheme.verify(&headers(&[("stripe-signature", &header)]), BODY, NOW), Ok(()));
    assert_eq!(scheme.verify(&headers(&[("stripe-signature", "v1=x")]), BODY, NOW), Err(Refusal::NoSignature));
}

// Row 80 of the fault matrix.
#[test]
fn a_signed_time_more_than_five_minutes_off_is_refused_both_ways() {
    let scheme = verifier(Scheme::Stripe, "", "", &["whsec_a"]);
    let at = |seconds: i64| {
        let time = (1_700_000_000 + seconds).to_string();
        let signature = hex_of(&mac(b"whsec_a", &[format!("{time}.").as_bytes(), BODY]));
        scheme.verify(&headers(&[("stripe-signature", &format!("t={time},v1={signature}"))]), BODY, NOW)
    };
    assert_eq!([at(-300), at(0), at(300)], [Ok(()); 3]);
    assert_eq!([at(-360), at(360), at(i64::MAX / 2)], [Err(Refusal::Stale); 3]);
}

// Row 79 of the fault matrix.
#[test]
fn what_is_not_signed_rightly_is_refused() {
    let scheme = verifier(Scheme::HmacSha256, "X-Signature", "", &["key"]);
    let verify = |text: &str, body: &[u8]| scheme.verify(&headers(&[("x-signature", text)]), body, NOW);
    let right = hex_of(&mac(b"key", &[BODY]));
    let wrong = Err(Refusal::WrongSignature);
    assert_eq!(scheme.verify(&HeaderMap::new(), BODY, NOW), Err(Refusal::NoSignature));
    assert_eq!(verify("", BODY), wrong);
    assert_eq!(verify("nonsense", BODY), wrong);
    assert_eq!(verify(&right[..62], BODY), wrong, "a part of it is not it");
    assert_eq!(verify(&hex_of(&mac(b"other", &[BODY])), BODY), wrong);
    assert_eq!(verify(&right, b"{}"), wrong, "the signature of other bytes");
    assert_eq!(verify(&right, BODY), Ok(()));
}

#[test]
fn while_a_secret_is_renewed_both_are_taken() {
    let scheme = verifier(Scheme::HmacSha256, "X-Signature", "", &["new", "old"]);
    for key in ["new", "old"] {
        let text = hex_of(&mac(key.as_bytes(), &[BODY]));
        assert_eq!(scheme.verify(&headers(&[("x-signature", &text)]), BODY, NOW), Ok(()), "{key}");
    }
}
