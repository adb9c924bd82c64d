//! A JSON web token with an HMAC-SHA256 signature.

use crate::KEY;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use lambda_runtime::Error;
use serde::Deserialize;
use sha2::Sha256;

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// What the token says: who sent the records, and their digest.
#[derive(Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    pub(crate) sha256: String,
}

pub(crate) fn verify(token: &str) -> Result<Claims, Error> {
    let (signed, signature) = token.rsplit_once('.').ok_or("the token has no signature")?;
    let (header, claims) = signed.split_once('.').ok_or("the token has no claims")?;
    let header: Header = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header)?)?;
    if header.alg != "HS256" {
        return Err(format!("the token is signed with `{}`", header.alg).into());
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY)?;
    mac.update(signed.as_bytes());
    mac.verify_slice(&BASE64_URL_SAFE_NO_PAD.decode(signature)?)?;
    Ok(serde_json::from_slice(
        &BASE64_URL_SAFE_NO_PAD.decode(claims)?,
    )?)
}
