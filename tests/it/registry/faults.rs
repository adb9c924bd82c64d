//! The fault table: each is survived or reported, and whatever happens a tag stands for something that is all there.

mod table;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use slsbuild::artifact::oci::{ImageSet, Reference};
use slsbuild::error::Error;
use slsbuild::registry::{BlobCache, push};

use super::images::{client, hasty, image, multi, reference, remote, single};
use super::server::{Fault, Rule, Server};
use table::{ALWAYS, answer, on, pull_table, push_table};

/// What came of it: the number of requests, or the message.
fn told(result: Result<u64, Error>, host: &str) -> String {
    match result {
        Ok(requests) => format!("done with {requests} requests"),
        Err(error) => {
            assert_eq!(error.exit_code(), 6);
            let hint = error.hint().map(|hint| format!("\n    hint: {hint}"));
            let ports = regex::Regex::new(r"127\.0\.0\.1:\d+").unwrap();
            let text = format!("{}{}", error.one_line(), hint.unwrap_or_default());
            let text = text.replace(host, "[host]");
            ports.replace_all(&text, "[other]").into_owned()
        }
    }
}

#[test]
fn each_fault_of_a_push_is_survived_or_reported_and_tags_stay_whole() {
    let outcomes: Vec<String> = std::thread::scope(|scope| {
        let row = |(name, rule, fault): (&'static str, Rule, Fault)| {
            scope.spawn(move || {
                let server = Server::start();
                let to = reference(&server.host, "app:v1");
                push(&client(), &single(), &to, &[], &|_| ()).unwrap();
                server.fail(rule, fault);
                let began = Instant::now();
                let pushed = push(&client(), &multi(), &to, &[], &|_| ());
                assert!(began.elapsed() < Duration::from_secs(20), "{name}");
                assert_eq!(server.store().broken_tags(), Vec::<String>::new(), "{name}");
                if pushed.is_ok() {
                    assert!(is_tagged(&server, &multi()), "{name}");
                }
                // Whatever happened, the next call ends what this one began.
                server.heal();
                push(&client(), &multi(), &to, &[], &|_| ()).unwrap();
                assert!(is_tagged(&server, &multi()), "{name}");
                format!(
                    "{name}: {}",
                    told(pushed.map(|pushed| pushed.requests), &server.host)
                )
            })
        };
        let rows: Vec<_> = push_table().into_iter().map(row).collect();
        rows.into_iter().map(|row| row.join().unwrap()).collect()
    });
    // Which blobs the requests are about, and how many were under way, differs from run to run.
    let text = outcomes.join("\n");
    let text = regex::Regex::new("sha256:[0-9a-f]{12}`")
        .unwrap()
        .replace_all(&text, "[digest]`");
    let text = regex::Regex::new(r"done with \d+ requests")
        .unwrap()
        .replace_all(&text, "done");
    let text = regex::Regex::new("it is sha256:[0-9a-f]{64}")
        .unwrap()
        .replace_all(&text, "it is [digest]");
    insta::assert_snapshot!(text);
}

#[test]
fn several_faults_at_once_leave_tags_whole_too() {
    std::thread::scope(|scope| {
        for start in 0..24 {
            scope.spawn(move || {
                let server = Server::start();
                let to = reference(&server.host, "app:v1");
                push(&client(), &single(), &to, &[], &|_| ()).unwrap();
                let table = push_table();
                // Different ones for each, the same in each run.
                for step in [0, 7, 13, 22] {
                    let (_, rule, fault) = &table[(start * 5 + step) % table.len()];
                    let rule = Rule {
                        after: (start + step) % 3,
                        times: 1 + step % 2,
                        ..*rule
                    };
                    server.fail(rule, fault.clone());
                }
                let began = Instant::now();
                let pushed = push(&client(), &multi(), &to, &[], &|_| ());
                assert!(began.elapsed() < Duration::from_secs(20), "{start}");
                let broken = server.store().broken_tags();
                assert_eq!(broken, Vec::<String>::new(), "{start}");
                assert!(pushed.is_err() || is_tagged(&server, &multi()), "{start}");
                server.heal();
                push(&client(), &multi(), &to, &[], &|_| ()).unwrap();
                assert!(is_tagged(&server, &multi()), "{start}");
            });
        }
    });
}

fn is_tagged(server: &Server, images: &ImageSet) -> bool {
    let key = ("app".to_owned(), "v1".to_owned());
    let digest = images.top().unwrap().descriptor.digest.to_string();
    server.store().tags[&key] == digest
}

#[test]
fn an_error_of_a_mount_is_followed_by_a_plain_upload() {
    for fault in [
        answer(400, "UNSUPPORTED"),
        answer(404, "BLOB_UNKNOWN"),
        answer(500, "UNKNOWN"),
        answer(403, "DENIED"),
    ] {
        let server = Server::start();
        let base = reference(&server.host, "base:v1");
        push(&client(), &single(), &base, &[], &|_| ()).unwrap();
        server.fail(on("POST", "mount=", 0, ALWAYS), fault);
        let images = remote(&single(), &base);
        let to = reference(&server.host, "app:v1");
        let pushed = push(&client(), &images, &to, &[], &|_| ()).unwrap();
        assert_eq!((pushed.mounted.blobs, pushed.uploaded.blobs), (0, 3));
    }
}

#[test]
fn a_refusal_before_all_was_sent_is_told_as_what_it_is() {
    let large: Vec<u8> = (0..24 << 20)
        .map(|number: u32| number.to_le_bytes()[1])
        .collect();
    let server = Server::start();
    server.fail(on("PUT", "/blobs/uploads/", 0, ALWAYS), Fault::Early(413));
    let images = ImageSet::single(image("amd64", &[&large]));
    let to = reference(&server.host, "app:v1");
    let error = push(&client(), &images, &to, &[], &|_| ()).unwrap_err();
    let text = told(Err(error), &server.host);
    let text = regex::Regex::new("sha256:[0-9a-f]{12}`")
        .unwrap()
        .replace_all(&text, "[digest]`")
        .into_owned();
    insta::assert_snapshot!(text);
    assert!(server.store().tags.is_empty());
}

#[test]
fn hosts_that_cannot_be_reached_are_told_at_once() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = free.local_addr().unwrap().to_string();
    drop(free);
    let began = Instant::now();
    let mut text = String::new();
    for host in [host.as_str(), "registry.invalid"] {
        let to = reference(host, "app:v1");
        let error = push(&client(), &single(), &to, &[], &|_| ()).unwrap_err();
        writeln!(text, "{}", told(Err(error), host)).unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(10));
    // In the system's own words.
    let words = regex::Regex::new("is to be found: .*").unwrap();
    insta::assert_snapshot!(words.replace_all(&text, "is to be found: [words]"));
}

fn pull(from: &Reference, cache: &BlobCache) -> Result<u64, Error> {
    let client = slsbuild::registry::Client::new(hasty());
    let top = client.resolve(from)?;
    let pinned = from.with_digest(top.descriptor.digest);
    let manifest = client.manifest(&pinned, &top.descriptor)?;
    assert_eq!(manifest, top);
    for layer in &single().images[0].layers {
        let path = cache.fetch(&client, from, &layer.descriptor)?;
        let bytes = fs_err::read(path)?;
        assert_eq!(
            slsbuild::artifact::oci::Digest::of(&bytes),
            layer.descriptor.digest
        );
    }
    Ok(client.requests())
}

#[test]
fn each_fault_of_a_pull_is_survived_or_reported_and_nothing_false_is_kept() {
    let outcomes: Vec<String> = std::thread::scope(|scope| {
        let row = |(name, rule, fault): (&'static str, Rule, Fault)| {
            scope.spawn(move || {
                let server = Server::start();
                let from = reference(&server.host, "app:v1");
                push(&client(), &single(), &from, &[], &|_| ()).unwrap();
                server.fail(rule, fault);
                let directory = tempfile::tempdir().unwrap();
                let cache = BlobCache::new(directory.path());
                let began = Instant::now();
                let pulled = pull(&from, &cache);
                assert!(began.elapsed() < Duration::from_secs(20), "{name}");
                for entry in walkdir::WalkDir::new(directory.path()) {
                    let entry = entry.unwrap();
                    if entry.file_type().is_file() {
                        let bytes = fs_err::read(entry.path()).unwrap();
                        let digest = slsbuild::digest::Sha256::of(&bytes).to_string();
                        assert_eq!(entry.file_name().to_str().unwrap(), digest, "{name}");
                    }
                }
                server.heal();
                pull(&from, &cache).unwrap();
                format!("{name}: {}", told(pulled, &server.host))
            })
        };
        let rows: Vec<_> = pull_table().into_iter().map(row).collect();
        rows.into_iter().map(|row| row.join().unwrap()).collect()
    });
    insta::assert_snapshot!(outcomes.join("\n"));
}
