//! A function that turns CSV into an HTML page: parsed, written as Markdown, rendered, hashed, compressed and encoded.

mod markdown;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use lambda_runtime::{Error, LambdaEvent};
use pulldown_cmark::{Options, Parser, html};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::Write;

#[derive(Deserialize, Debug)]
struct Request {
    title: String,
    body: String,
}

#[derive(Serialize)]
struct Page {
    sha256: String,
    length: usize,
    gzip: String,
}

fn main() -> Result<(), Error> {
    harness::main(|| async |event: LambdaEvent<Request>| handle(&event.payload))
}

fn handle(request: &Request) -> Result<Page, Error> {
    let markdown = markdown::write(&request.title, &request.body)?;
    let mut page = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut page, Parser::new_ext(&markdown, Options::all()));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(page.as_bytes())?;
    Ok(Page {
        sha256: BASE64_STANDARD.encode(Sha256::digest(&page)),
        length: page.len(),
        gzip: BASE64_STANDARD.encode(gzip.finish()?),
    })
}
