//! A function that takes signed records and gives them back sealed: it verifies a token, checks the digest in it, encrypts and encodes.

mod token;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lambda_runtime::{Error, LambdaEvent};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A key for measuring, which protects nothing.
const KEY: &[u8; 32] = b"a key that is known to everybody";

#[derive(Deserialize, Debug)]
struct Request {
    token: String,
    records: Vec<String>,
}

#[derive(Serialize)]
struct Sealed {
    subject: String,
    records: Vec<String>,
    sha256: String,
}

fn main() -> Result<(), Error> {
    harness::main(|| {
        let cipher = Aes256Gcm::new(KEY.into());
        async move |event: LambdaEvent<Request>| handle(&cipher, &event.payload)
    })
}

fn handle(cipher: &Aes256Gcm, request: &Request) -> Result<Sealed, Error> {
    let claims = token::verify(&request.token)?;
    let digest = Sha256::digest(request.records.concat());
    if BASE64_STANDARD.encode(digest) != claims.sha256 {
        return Err("the records are not those that were signed".into());
    }
    let mut sealed = Sha256::new();
    let mut records = Vec::with_capacity(request.records.len());
    for (index, record) in (0u32..).zip(&request.records) {
        // The nonce comes from the digest, so that the answer is the same each time.
        let mut nonce: [u8; 12] = digest[..12].try_into()?;
        nonce[..4].copy_from_slice(&index.to_be_bytes());
        let payload = Payload {
            msg: record.as_bytes(),
            aad: claims.sub.as_bytes(),
        };
        let bytes = cipher
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| "a record cannot be sealed")?;
        sealed.update(&bytes);
        records.push(BASE64_STANDARD.encode(bytes));
    }
    Ok(Sealed {
        subject: claims.sub,
        records,
        sha256: BASE64_STANDARD.encode(sealed.finalize()),
    })
}
