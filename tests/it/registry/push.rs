//! What is sent, in which order, and what is not sent.

use slsbuild::artifact::oci::{Digest, ImageSet};
use slsbuild::registry::{Amount, Pushed, push};

use super::images::{client, image, multi, reference, remote, single};
use super::server::Server;
use super::store::Locations;

fn amount(amount: Amount) -> (u64, u64) {
    (amount.blobs, amount.bytes)
}

fn pushed(server: &Server, images: &ImageSet, name: &str, tags: &[&str]) -> Pushed {
    let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let to = reference(&server.host, name);
    let pushed = push(&client(), images, &to, &tags, &|_| ()).unwrap();
    assert_eq!(server.store().broken_tags(), Vec::<String>::new());
    pushed
}

#[test]
fn blobs_come_first_then_manifests_then_the_index_and_its_tags() {
    let server = Server::start();
    let first = pushed(&server, &multi(), "team/app:v1", &["v1", "latest"]);
    assert_eq!(amount(first.uploaded).0, 5, "the shared layer goes once");
    assert_eq!(first.tags, ["v1", "latest"]);
    let order: Vec<String> = server
        .lines()
        .iter()
        .filter(|line| line.starts_with("PUT"))
        .map(|line| line.split('/').nth(4).unwrap().to_owned())
        .collect();
    let manifests = order.iter().position(|place| place == "manifests").unwrap();
    let names: Vec<String> = order[manifests..].to_vec();
    assert_eq!(manifests, 5);
    assert_eq!(names.len(), 4, "two manifests and two tags");
    let store = server.store();
    assert_eq!(store.tags.len(), 2);
    assert_eq!(store.sessions.len(), 0);
}

#[test]
fn what_is_there_is_not_sent_again() {
    let server = Server::start();
    let all = pushed(&server, &single(), "app:v1", &[]);
    assert_eq!(amount(all.uploaded).0, 3);
    assert_eq!(all.digest, single().top().unwrap().descriptor.digest);
    server.seen();

    let again = pushed(&server, &single(), "app:v1", &[]);
    assert!(again.is_unchanged);
    assert_eq!(again.requests, 1);
    insta::assert_snapshot!(server.lines().join("\n"), @"HEAD /v2/app/manifests/v1");

    let tagged = pushed(&server, &single(), "app:v2", &[]);
    assert_eq!(
        (tagged.uploaded, tagged.is_unchanged),
        (Amount::default(), false)
    );
    insta::assert_snapshot!(server.lines().join("\n"), @r"
    HEAD /v2/app/manifests/v2
    HEAD /v2/app/manifests/sha256:8ea348
    PUT /v2/app/manifests/v2
    ");

    // What the old manifest names is there without asking.
    let changed = ImageSet::single(image("amd64", &[b"the lower layer", b"another"]));
    let changed = pushed(&server, &changed, "app:v2", &[]);
    assert_eq!(amount(changed.uploaded).0, 2);
    assert_eq!(amount(changed.present), (1, 15));
    let mut lines = server.lines();
    lines.sort();
    let lower = "HEAD /v2/app/blobs/sha256:13d2c6".to_owned();
    assert!(!lines.contains(&lower), "{lines:#?}");
    assert_eq!(lines.len(), 10, "{lines:#?}");
}

#[test]
fn what_the_old_manifest_names_and_the_registry_lost_is_sent_again() {
    let server = Server::start();
    pushed(&server, &single(), "app:v1", &[]);
    let lower = Digest::of(b"the lower layer").to_string();
    server
        .store()
        .blobs
        .retain(|(_, digest), _| *digest != lower);
    let changed = ImageSet::single(image("amd64", &[b"the lower layer", b"another"]));
    let changed = pushed(&server, &changed, "app:v1", &[]);
    assert_eq!(changed.uploaded.blobs, 3, "{changed:?}");
}

#[test]
fn a_layer_of_no_bytes_is_sent() {
    let server = Server::start();
    let images = ImageSet::single(image("amd64", &[b"", b"more"]));
    assert_eq!(
        amount(pushed(&server, &images, "app:v1", &[]).uploaded),
        (3, 229)
    );
}

#[test]
fn without_a_tag_only_the_digest_names_it() {
    let server = Server::start();
    let to = reference(&server.host, "app").with_digest(Digest::of(b""));
    let pushed = push(&client(), &single(), &to, &[], &|_| ()).unwrap();
    let store = server.store();
    assert!(store.tags.is_empty());
    let key = ("app".to_owned(), pushed.digest.to_string());
    assert!(store.manifests.contains_key(&key));
}

#[test]
fn layers_of_the_same_registry_are_mounted_or_else_read_from_there() {
    let server = Server::start();
    pushed(&server, &single(), "base:v1", &[]);
    server.seen();
    let images = remote(&single(), &reference(&server.host, "base:v1"));
    let mounted = pushed(&server, &images, "app:v1", &[]);
    assert_eq!(
        (amount(mounted.mounted).0, amount(mounted.uploaded).0),
        (2, 1)
    );
    let lines = server.lines();
    let posts = lines.iter().filter(|line| {
        line.starts_with("POST /v2/app/blobs/uploads/?mount=sha256:")
            && line.ends_with("&from=base")
    });
    assert_eq!(posts.count(), 2, "{lines:#?}");

    // A session in place of a mount is gone on with.
    server.store().never_mounts = true;
    let sent = pushed(&server, &images, "other:v1", &[]);
    assert_eq!((amount(sent.mounted).0, amount(sent.uploaded).0), (0, 3));
    let lines = server.lines();
    let posts = lines.iter().filter(|line| line.starts_with("POST"));
    assert_eq!(posts.count(), 3, "{lines:#?}");
}

#[test]
fn layers_of_another_registry_go_through_memory_only() {
    let [from, to] = [Server::start(), Server::start()];
    pushed(&from, &single(), "base:v1", &[]);
    let images = remote(&single(), &reference(&from.host, "base:v1"));
    let sent = pushed(&to, &images, "app:v1", &[]);
    assert_eq!((amount(sent.mounted).0, amount(sent.uploaded).0), (0, 3));
    assert!(to.lines().iter().all(|line| !line.contains("mount=")));
}

#[test]
fn sessions_are_found_wherever_they_are_and_keep_their_query() {
    let elsewhere = Server::start();
    for locations in [
        Locations::Relative,
        Locations::Absolute,
        Locations::Elsewhere(elsewhere.host.clone()),
    ] {
        let server = Server::start();
        let is_elsewhere = matches!(locations, Locations::Elsewhere(_));
        server.store().locations = locations;
        let to = reference(&server.host, "app:v1");
        let result = push(&client(), &single(), &to, &[], &|_| ());
        // The other host keeps its blobs to itself here, so the manifest is refused.
        assert_eq!(result.is_ok(), !is_elsewhere);
        if is_elsewhere {
            assert!(elsewhere.store().blobs.len() >= 3);
            assert!(server.store().tags.is_empty());
        }
    }
}

#[test]
fn parts_of_files_are_sent_as_they_are() {
    use slsbuild::artifact::oci::Source;
    let server = Server::start();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("archive");
    fs_err::write(&path, b"before the lower layer after").unwrap();
    let mut images = single();
    let layers = &mut images.images[0].layers;
    layers[0].source = Source::Part(path.clone(), 7);
    assert_eq!(
        amount(pushed(&server, &images, "app:v1", &[]).uploaded).0,
        3
    );

    // A file that changed since is no reason to hang.
    fs_err::write(&path, b"before").unwrap();
    let to = reference(&server.host, "other:v1");
    let error = push(&client(), &images, &to, &[], &|_| ()).unwrap_err();
    insta::assert_snapshot!(error.one_line(), @"a blob has 15 bytes less than its descriptor says");
    assert!(server.store().tags.len() == 1);
}

#[test]
fn progress_adds_up_to_all_bytes() {
    use slsbuild::registry::Progress;
    use std::sync::atomic::{AtomicU64, Ordering};
    let server = Server::start();
    let (begun, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let watch = |progress| {
        match progress {
            Progress::Begun(amount) => begun.fetch_add(amount.bytes, Ordering::Relaxed),
            Progress::Done(bytes) => done.fetch_add(bytes, Ordering::Relaxed),
            Progress::Again(bytes) => done.fetch_sub(bytes, Ordering::Relaxed),
        };
    };
    let to = reference(&server.host, "app:v1");
    push(&client(), &single(), &to, &[], &watch).unwrap();
    assert_eq!(begun.into_inner(), done.into_inner());
}
