use super::*;

fn config(text: &str) -> Config {
    let document = Document::from_bytes("config", text.as_bytes().to_vec());
    Config::read(&document, "x").unwrap()
}

fn written(config: Config) -> String {
    String::from_utf8(config.document(Family::Oci).unwrap().bytes).unwrap()
}

/// What Docker writes, with fields that only Docker knows.
const DOCKER: &str = r##"{
    "architecture": "arm64", "os": "linux", "variant": "v8",
    "container": "c0ffee", "container_config": {"Cmd": ["#(nop) "]}, "docker_version": "27",
    "config": {
        "Entrypoint": ["/lambda-entrypoint.sh"], "Cmd": ["old"], "Healthcheck": {"Test": ["NONE"]},
        "Env": ["LANG=C", "PATH=/bin", "B=1=2", "EMPTY", "PATH=/again"], "Labels": {"a": "1"}, "OnBuild": null
    },
    "rootfs": {"type": "layers", "diff_ids": ["sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]},
    "history": [{"created_by": "ADD x"}, {"created_by": "ENV y", "empty_layer": true}],
    "unknown": {"kept": [1, 2.5]}
}"##;

#[test]
fn edits_change_what_they_name_and_keep_the_rest() {
    let mut config = config(DOCKER);
    let env = [
        ("PATH", "/usr/bin"),
        ("EMPTY", ""),
        ("Z", "z"),
        ("A", "a=b"),
    ];
    config.edit(&ConfigEdits {
        env: env
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        labels: [("b".to_owned(), "2".to_owned())].into(),
        workdir: Some("/var/task".to_owned()),
        user: Some("65532".to_owned()),
        ports: [8080, 80].into(),
        ..ConfigEdits::default()
    });
    config.complete_history("1970-01-01T00:00:00Z");
    config.add_layer(Digest::of(b"layer"), "1970-01-01T00:00:00Z", "slsbuild");
    config.set_created("1970-01-01T00:00:00Z");
    let value: Value = serde_json::from_str(&written(config)).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
}

#[test]
fn an_entrypoint_takes_the_arguments_below_with_it() {
    let edit = |edits: &ConfigEdits| {
        let mut config = config(DOCKER);
        config.edit(edits);
        let list = |list: Vec<&str>| list.join(" ");
        format!("{} | {}", list(config.entrypoint()), list(config.cmd()))
    };
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    let edits = |entrypoint, cmd| ConfigEdits {
        entrypoint,
        cmd,
        ..ConfigEdits::default()
    };
    assert_eq!(edit(&edits(None, None)), "/lambda-entrypoint.sh | old");
    assert_eq!(edit(&edits(words(&["/app"]), None)), "/app | ");
    assert_eq!(
        edit(&edits(words(&["/app"]), words(&["a", "b"]))),
        "/app | a b"
    );
    assert_eq!(
        edit(&edits(None, words(&["new"]))),
        "/lambda-entrypoint.sh | new"
    );
    assert_eq!(edit(&edits(words(&[]), words(&[]))), " | ");
}

#[test]
fn history_says_one_thing_of_each_layer() {
    let id = Digest::of(b"");
    let complete = |entries: &str| {
        let text = format!(r#"{{"rootfs":{{"diff_ids":["{id}","{id}"]}},"history":{entries}}}"#);
        let mut config = config(&text);
        config.complete_history("now");
        assert_eq!(config.layers_in_history(), 2);
        Value::Array(taken_array(&mut config.0, "history")).to_string()
    };
    let neutral = r#"{"comment":"a layer of the base","created":"now"}"#;
    assert_eq!(complete("null"), format!("[{neutral},{neutral}]"));
    assert_eq!(
        complete(r#"[{"empty_layer":true},{"created_by":"a"}]"#),
        format!(r#"[{{"empty_layer":true}},{{"created_by":"a"}},{neutral}]"#)
    );
    assert_eq!(complete("[{},{}]"), "[{},{}]");
    assert_eq!(complete("[{},{},{}]"), r#"[{},{},{"empty_layer":true}]"#);
}

#[test]
fn a_configuration_of_nothing_is_whole() {
    let config = Config::scratch(&Platform::linux("amd64"));
    assert_eq!(
        written(config),
        r#"{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[],"type":"layers"}}"#
    );
}

#[test]
fn a_field_of_another_type_is_named() {
    let refused = |text: &str| {
        let document = Document::from_bytes("config", text.as_bytes().to_vec());
        let error = Config::read(&document, "x").unwrap_err();
        assert_eq!(error.exit_code(), 5);
        error.to_string()
    };
    let texts = [
        "[]",
        "{",
        r#"{"architecture":1}"#,
        r#"{"config":[]}"#,
        r#"{"config":{"Env":"A=b"}}"#,
        r#"{"config":{"Env":["A=b",1]}}"#,
        r#"{"config":{"Labels":{"a":1}}}"#,
        r#"{"config":{"ExposedPorts":[]}}"#,
        r#"{"rootfs":{"diff_ids":["sha256:0"]}}"#,
        r#"{"history":[1]}"#,
    ];
    insta::assert_snapshot!(texts.map(refused).join("\n"), @r"
    `x` cannot be read: invalid type: sequence, expected a map at line 1 column 0
    `x` cannot be read: EOF while parsing an object at line 1 column 1
    the configuration of `x` cannot be read: `architecture` is not text
    the configuration of `x` cannot be read: `config` is not an object
    the configuration of `x` cannot be read: `config.Env` is not a list of texts
    the configuration of `x` cannot be read: `config.Env` is not a list of texts
    the configuration of `x` cannot be read: `config.Labels` is not an object of texts
    the configuration of `x` cannot be read: `config.ExposedPorts` is not an object
    the configuration of `x` cannot be read: `rootfs.diff_ids` is not a list of sha256 digests
    the configuration of `x` cannot be read: `history` is not a list of objects
    ");
    let nulls = r#"{"config":{"Env":null,"Cmd":null,"Labels":null},"rootfs":{"diff_ids":null},"history":null}"#;
    let mut config = config(nulls);
    assert!(config.env().is_empty() && config.labels().is_empty() && config.ports().is_empty());
    config.edit(&ConfigEdits {
        env: [("A".to_owned(), "b".to_owned())].into(),
        ..ConfigEdits::default()
    });
    assert_eq!(config.env(), ["A=b"]);
}

#[test]
fn moments_are_written_as_the_specification_wants_them() {
    assert_eq!(rfc3339(0).unwrap(), "1970-01-01T00:00:00Z");
    assert_eq!(rfc3339(1_700_000_000).unwrap(), "2023-11-14T22:13:20Z");
    assert_eq!(rfc3339(LAST_SECOND).unwrap(), "9999-12-31T23:59:59Z");
    assert_eq!(rfc3339(LAST_SECOND + 1).unwrap_err().exit_code(), 2);
    assert!(rfc3339(u64::MAX).is_err());
}
