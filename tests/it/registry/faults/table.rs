//! The faults themselves: which request goes wrong, and how.

use std::time::Duration;

use crate::registry::server::{Fault, Rule};

pub(super) const ALWAYS: usize = usize::MAX;

pub(super) fn on(method: &'static str, path: &'static str, after: usize, times: usize) -> Rule {
    Rule {
        method,
        path,
        after,
        times,
    }
}

pub(super) fn answer(status: u16, code: &str) -> Fault {
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"said so"}}]}}"#);
    Fault::Answer(status, Vec::new(), body)
}

/// What is done, where it goes wrong, and how.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn push_table() -> Vec<(&'static str, Rule, Fault)> {
    let blob = |times| on("PUT", "/blobs/uploads/", 1, times);
    let retry_after = vec![("retry-after", "0".to_owned())];
    let far = vec![("retry-after", "3600".to_owned())];
    let around = vec![("location", "/v2/app/manifests/v1".to_owned())];
    let wrong = format!("sha256:{:064}", 7);
    vec![
        (
            "500 for HEAD of a blob",
            on("HEAD", "/blobs/", 0, 1),
            answer(500, "UNKNOWN"),
        ),
        (
            "503 for two sessions",
            on("POST", "", 0, 2),
            answer(503, "UNAVAILABLE"),
        ),
        (
            "499 for a blob",
            blob(1),
            Fault::Answer(499, vec![], String::new()),
        ),
        (
            "429 with Retry-After: 0",
            on("PUT", "/manifests/", 0, 1),
            Fault::Answer(429, retry_after, String::new()),
        ),
        (
            "429 with Retry-After: 3600 for good",
            on("PUT", "/manifests/", 0, ALWAYS),
            Fault::Answer(429, far, String::new()),
        ),
        (
            "500 for a blob for good",
            blob(ALWAYS),
            answer(500, "UNKNOWN"),
        ),
        (
            "416 for a blob",
            blob(1),
            answer(416, "BLOB_UPLOAD_INVALID"),
        ),
        (
            "400 BLOB_UPLOAD_INVALID",
            blob(1),
            answer(400, "BLOB_UPLOAD_INVALID"),
        ),
        ("reset in the middle of a blob", blob(1), Fault::Reset(4)),
        (
            "reset in place of an answer",
            on("PUT", "/manifests/", 0, 1),
            Fault::Reset(0),
        ),
        (
            "reset of the first request",
            on("HEAD", "/manifests/", 0, 1),
            Fault::Reset(0),
        ),
        ("reset in every blob", blob(ALWAYS), Fault::Reset(4)),
        ("silence for a blob", blob(1), Fault::Silence),
        ("silence for every blob", blob(ALWAYS), Fault::Silence),
        (
            "silence for the manifest",
            on("HEAD", "/manifests/", 0, ALWAYS),
            Fault::Silence,
        ),
        (
            "a trickle of headers",
            on("HEAD", "/manifests/", 0, ALWAYS),
            Fault::Trickle(Duration::from_millis(40)),
        ),
        (
            "no Location",
            on("POST", "", 0, ALWAYS),
            Fault::Without("location"),
        ),
        (
            "a Location that is none",
            on("POST", "", 0, ALWAYS),
            Fault::Header("location", "ftp://x/1".to_owned()),
        ),
        (
            "a wrong digest for a blob",
            blob(ALWAYS),
            Fault::Header("docker-content-digest", wrong.clone()),
        ),
        (
            "a wrong digest for the index",
            on("PUT", "/manifests/v1", 0, ALWAYS),
            Fault::Header("docker-content-digest", wrong),
        ),
        (
            "no digest for the index",
            on("PUT", "/manifests/v1", 0, ALWAYS),
            Fault::Without("docker-content-digest"),
        ),
        (
            "a blob lost before its manifest",
            on("PUT", "/manifests/sha256", 0, 1),
            Fault::Forget,
        ),
        (
            "blobs that are never there",
            on("PUT", "/manifests/sha256", 0, ALWAYS),
            answer(400, "MANIFEST_BLOB_UNKNOWN"),
        ),
        (
            "a manifest that is refused",
            on("PUT", "/manifests/v1", 0, ALWAYS),
            answer(400, "MANIFEST_INVALID"),
        ),
        (
            "403 for a session",
            on("POST", "", 0, ALWAYS),
            answer(403, "DENIED"),
        ),
        (
            "404 for a session",
            on("POST", "", 0, ALWAYS),
            answer(404, "NAME_UNKNOWN"),
        ),
        (
            "405 for a session",
            on("POST", "", 0, ALWAYS),
            answer(405, "UNSUPPORTED"),
        ),
        (
            "403 for what is not there",
            on("HEAD", "", 0, ALWAYS),
            Fault::Answer(403, vec![], String::new()),
        ),
        (
            "405 for HEAD",
            on("HEAD", "", 0, ALWAYS),
            Fault::Answer(405, vec![], String::new()),
        ),
        (
            "401 without a challenge",
            on("POST", "", 0, ALWAYS),
            answer(401, "UNAUTHORIZED"),
        ),
        (
            "an error of 10 MB",
            on("POST", "", 0, ALWAYS),
            Fault::Answer(400, vec![], "x".repeat(10_000_000)),
        ),
        (
            "an error that takes over the terminal",
            on("POST", "", 0, ALWAYS),
            answer(400, r"\u001b[2J\u202e evil\nerror: fake"),
        ),
        (
            "an error in HTML",
            on("POST", "", 0, ALWAYS),
            Fault::Answer(400, vec![], "<html>nginx".to_owned()),
        ),
        (
            "a redirect to itself",
            on("HEAD", "/manifests/", 0, ALWAYS),
            Fault::Answer(307, around, String::new()),
        ),
        (
            "a redirect to nowhere",
            on("HEAD", "/manifests/", 0, ALWAYS),
            Fault::Answer(307, vec![], String::new()),
        ),
    ]
}

/// What goes wrong while something is read.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn pull_table() -> Vec<(&'static str, Rule, Fault)> {
    let manifest = |times| on("GET", "/manifests/", 0, times);
    let blob = |times| on("GET", "/blobs/", 0, times);
    let wrong = format!("sha256:{:064}", 7);
    let longer = b"the lower layer and more".to_vec();
    let bomb = Fault::Body(vec![b' '; 5 << 20]);
    vec![
        (
            "a manifest that is not there",
            manifest(ALWAYS),
            answer(404, "MANIFEST_UNKNOWN"),
        ),
        ("500 for the manifest", manifest(2), answer(500, "UNKNOWN")),
        (
            "a manifest that ends too early",
            manifest(1),
            Fault::Cut(20),
        ),
        (
            "a manifest that always ends too early",
            manifest(ALWAYS),
            Fault::Cut(20),
        ),
        (
            "a wrong digest in the header",
            manifest(ALWAYS),
            Fault::Header("docker-content-digest", wrong),
        ),
        (
            "no digest in the header",
            manifest(ALWAYS),
            Fault::Without("docker-content-digest"),
        ),
        (
            "a manifest that is none",
            manifest(ALWAYS),
            Fault::Body(b"<html>".to_vec()),
        ),
        ("a manifest of 5 MiB", manifest(ALWAYS), bomb),
        (
            "another manifest than was asked for",
            on("GET", "/manifests/sha256", 0, ALWAYS),
            Fault::Body(b"{\"config\":{}}".to_vec()),
        ),
        (
            "a manifest that comes as a trickle",
            manifest(ALWAYS),
            Fault::Trickle(Duration::from_millis(20)),
        ),
        (
            "a blob that is not there",
            blob(ALWAYS),
            answer(404, "BLOB_UNKNOWN"),
        ),
        ("a blob that ends too early", blob(1), Fault::Cut(4)),
        (
            "a blob that always ends too early",
            blob(ALWAYS),
            Fault::Cut(4),
        ),
        (
            "a blob with another content",
            blob(ALWAYS),
            Fault::Body(b"the other layer".to_vec()),
        ),
        ("a blob that is longer", blob(ALWAYS), Fault::Body(longer)),
        (
            "a blob that is shorter",
            blob(ALWAYS),
            Fault::Body(b"the".to_vec()),
        ),
        (
            "a blob that comes as a trickle",
            blob(ALWAYS),
            Fault::Trickle(Duration::from_millis(50)),
        ),
        (
            "a blob whose bytes come one by one",
            blob(ALWAYS),
            Fault::Drip(Duration::from_millis(120)),
        ),
        (
            "a manifest whose bytes come one by one",
            manifest(ALWAYS),
            Fault::Drip(Duration::from_millis(20)),
        ),
        ("silence in place of a blob", blob(1), Fault::Silence),
    ]
}
