//! What is read, and what is read again from this machine.

use slsbuild::artifact::oci::{Digest, Document, media_type};
use slsbuild::registry::{BlobCache, Client, Options, push};

use super::images::{client, hasty, multi, reference, single};
use super::server::Server;

#[test]
fn a_tag_is_resolved_to_what_it_stands_for() {
    let server = Server::start();
    let name = reference(&server.host, "team/base:v1");
    assert_eq!(client().digest_of(&name).unwrap(), None);
    push(&client(), &multi(), &name, &[], &|_| ()).unwrap();
    let index = multi().index.unwrap();
    let client = client();
    assert_eq!(client.resolve(&name).unwrap(), index);
    assert_eq!(
        client.digest_of(&name).unwrap(),
        Some(index.descriptor.digest)
    );
    let image = &multi().images[1];
    assert_eq!(
        client.manifest(&name, &image.manifest.descriptor).unwrap(),
        image.manifest
    );
    assert_eq!(
        client.config(&name, &image.config.descriptor).unwrap(),
        image.config
    );
}

#[test]
fn all_types_of_manifests_are_asked_for() {
    let server = Server::start();
    let name = reference(&server.host, "base:v1");
    let bytes = br#"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[]}"#;
    let list = Document::from_bytes(media_type::DOCKER_INDEX, bytes.to_vec());
    let digest = list.descriptor.digest.to_string();
    let mut store = server.store();
    store
        .tags
        .insert(("base".to_owned(), "v1".to_owned()), digest.clone());
    store.manifests.insert(
        ("base".to_owned(), digest),
        (media_type::DOCKER_INDEX.to_owned(), bytes.to_vec()),
    );
    drop(store);
    assert_eq!(client().resolve(&name).unwrap(), list);
}

#[test]
fn what_was_fetched_is_not_fetched_again_also_offline() {
    let server = Server::start();
    let name = reference(&server.host, "base:v1");
    push(&client(), &single(), &name, &[], &|_| ()).unwrap();
    server.seen();
    let directory = tempfile::tempdir().unwrap();
    let cache = BlobCache::new(directory.path());
    let image = &single().images[0];
    let layer = &image.layers[0].descriptor;
    let all = |client: &Client| {
        cache.fetch(client, &name, layer)?;
        cache.document(client, &name, &image.config.descriptor)?;
        cache.document(client, &name, &image.manifest.descriptor)
    };
    assert_eq!(all(&client()).unwrap(), image.manifest);
    assert_eq!(server.seen().len(), 3);
    let offline = Client::new(Options {
        offline: Some("--offline"),
        ..hasty()
    });
    assert_eq!(all(&offline).unwrap(), image.manifest);
    assert_eq!(server.seen().len(), 0);

    // What changed on the disk is fetched anew.
    fs_err::write(cache.path(image.config.descriptor.digest), "{}").unwrap();
    assert_eq!(all(&client()).unwrap(), image.manifest);
    assert_eq!(server.seen().len(), 1);
    fs_err::remove_file(cache.path(layer.digest)).unwrap();
    let error = all(&offline).unwrap_err();
    let text = error.one_line().replace(&server.host, "[host]");
    insta::assert_snapshot!(text, @r"`[host]/base:v1`: it has to be asked for over the network, which `--offline` forbids");
    assert_eq!(error.exit_code(), 6);
}

#[test]
fn a_cache_that_cannot_be_written_is_told() {
    let server = Server::start();
    let name = reference(&server.host, "base:v1");
    push(&client(), &single(), &name, &[], &|_| ()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs_err::write(&file, "").unwrap();
    let layer = &single().images[0].layers[0];
    let cache = BlobCache::new(&file);
    let error = cache
        .fetch(&client(), &name, &layer.descriptor)
        .unwrap_err();
    assert_eq!(error.exit_code(), 1);
}

#[test]
fn whole_images_are_read_and_their_layers_brought_when_they_are_needed() {
    use slsbuild::artifact::oci::Source;
    use slsbuild::registry::Which;
    let server = Server::start();
    let name = reference(&server.host, "team/base:v1");
    push(&client(), &multi(), &name, &[], &|_| ()).unwrap();
    server.seen();
    let directory = tempfile::tempdir().unwrap();
    let cache = BlobCache::new(directory.path());
    let client = client();
    let top = client.resolve(&name).unwrap();
    let mut images = cache.images(&client, &name, &top, Which::Runnable).unwrap();
    let mut expected = super::images::remote(&multi(), &name);
    for image in &mut expected.images {
        // As the index describes it.
        image.manifest.descriptor.platform = Some(image.platform.clone());
    }
    assert!(images == expected);
    assert_eq!(
        server.seen().len(),
        5,
        "the index, two manifests, two configs"
    );
    for image in &mut images.images {
        cache.bring(&client, image).unwrap();
        for layer in &image.layers {
            let Source::File(path) = &layer.source else {
                panic!("{layer:?}")
            };
            let bytes = fs_err::read(path).unwrap();
            assert_eq!(Digest::of(&bytes), layer.descriptor.digest);
        }
    }
    assert_eq!(server.seen().len(), 3, "the shared layer comes once");
    let offline = Client::new(Options {
        offline: Some("--offline"),
        ..hasty()
    });
    let again = cache
        .images(&offline, &name, &top, Which::Runnable)
        .unwrap();
    assert_eq!(again.images.len(), 2);
}
