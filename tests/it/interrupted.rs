//! Whole or absent: a run that is killed or interrupted leaves the old artifact or the new one, and nothing behind.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Crate, outcome};

/// Kills that have to land while slsbuild packs.
const KILLS: u32 = 50;
/// The directory of the artifact.
const DIRECTORY: &str = "target/slsbuild/orders/lambda/amd64";

#[test]
fn fifty_kills_during_packing_never_leave_a_partial_zip() {
    let orders = Crate::binary("orders");
    let zip = orders.path().join(DIRECTORY).join("bootstrap.zip");
    orders.write("data.bin", &noise(0));
    let build = || orders.slsbuild("zip --arch amd64 --include data.bin");
    assert!(build().output().unwrap().status.success());

    orders.write("data.bin", &noise(1));
    let mut packing = Packing::start(build());
    let started = Instant::now();
    assert!(packing.child.wait().unwrap().success());
    let whole = started.elapsed();

    let (mut landed, mut seed) = (0, 2);
    while landed < KILLS {
        assert!(
            seed < 4 * KILLS,
            "only {landed} of {seed} kills landed while it packed"
        );
        orders.write("data.bin", &noise(u64::from(seed)));
        let mut packing = Packing::start(build());
        std::thread::sleep(whole.mul_f64(f64::from(seed % KILLS) / f64::from(KILLS)));
        let was_packing = packing.child.try_wait().unwrap().is_none();
        let _ = packing.child.kill();
        packing.child.wait().unwrap();
        landed += u32::from(was_packing);
        seed += 1;
        assert_whole(&zip);
    }
    assert!(build().output().unwrap().status.success());
    assert_whole(&zip);
    assert_eq!(
        temporaries(zip.parent().unwrap()),
        0,
        "what killed runs left was not swept"
    );
}

/// A run whose cargo has ended: what it does now is packing.
struct Packing {
    child: Child,
    /// Kept open: a run that cannot write its log is another test.
    stderr: BufReader<std::process::ChildStderr>,
}

impl Packing {
    fn start(mut command: std::process::Command) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("`release` profile") {
            line.clear();
            assert_ne!(
                stderr.read_line(&mut line).unwrap(),
                0,
                "cargo said nothing"
            );
        }
        Self { child, stderr }
    }
}

/// Content that does not compress, different for each seed, and large enough that packing takes a while.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut content = Vec::with_capacity(4 << 20);
    while content.len() < 4 << 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.extend_from_slice(&state.to_le_bytes());
    }
    content
}

/// Every entry of the zip can be read and has its checksum.
fn assert_whole(zip: &Path) {
    let mut archive = zip::ZipArchive::new(fs_err::File::open(zip).unwrap()).unwrap();
    assert_eq!(archive.len(), 2);
    for index in 0..archive.len() {
        std::io::copy(&mut archive.by_index(index).unwrap(), &mut std::io::sink()).unwrap();
    }
}

fn temporaries(directory: &Path) -> usize {
    let names = fs_err::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_str().unwrap().ends_with(".slsbuild-tmp"))
        .count()
}

#[test]
fn two_runs_at_once_both_succeed() {
    let orders = Crate::binary("orders");
    let run = || {
        orders
            .slsbuild("zip --arch amd64 --quiet")
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    for _ in 0..5 {
        let _ = fs_err::remove_file(orders.path().join(DIRECTORY).join("record.json"));
        let mut both = [run(), run()];
        assert!(both.iter_mut().all(|child| child.wait().unwrap().success()));
    }
}

#[test]
fn an_interrupt_during_cargo_ends_cargo_and_leaves_the_artifact() {
    let orders = Crate::binary("orders");
    assert!(
        orders
            .slsbuild("zip --arch amd64 --quiet")
            .status()
            .unwrap()
            .success()
    );
    let files = orders.files(DIRECTORY);
    let before = fs_err::read(orders.path().join(DIRECTORY).join("bootstrap.zip")).unwrap();

    // A build script that never ends, and says when it runs.
    let endless = "fn main() { std::fs::write(\"running\", std::process::id().to_string()).unwrap(); loop { std::thread::park() } }\n";
    let endless = orders.file("build.rs", endless);
    let child = endless
        .slsbuild("zip --arch amd64")
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let marker = endless.path().join("running");
    wait_until(|| fs_err::read_to_string(&marker).is_ok_and(|text| !text.is_empty()));
    let build_script: i32 = fs_err::read_to_string(&marker).unwrap().parse().unwrap();

    let (code, stderr) = interrupt(child, Signal::INT);
    // The terminal sends Ctrl-C to all; here only slsbuild got it, so the build script is ended by hand.
    let _ = kill_process(Pid::from_raw(build_script).unwrap(), Signal::KILL);
    assert_eq!(code, Some(130), "{stderr}");
    assert!(stderr.ends_with("error: interrupted\n"), "{stderr}");
    assert_eq!(
        fs_err::read(endless.path().join(DIRECTORY).join("bootstrap.zip")).unwrap(),
        before
    );
    assert_eq!(endless.files(DIRECTORY), files);
}

#[test]
fn an_interrupt_during_packing_leaves_no_temporary_file() {
    let orders = Crate::binary("orders").file("data.bin", "small");
    let build = "zip --arch amd64 --include data.bin --quiet";
    assert!(orders.slsbuild(build).status().unwrap().success());
    let before = fs_err::read(orders.path().join(DIRECTORY).join("bootstrap.zip")).unwrap();

    let large = fs_err::File::create(orders.path().join("data.bin")).unwrap();
    large.set_len(200 << 20).unwrap();
    let mut packing = Packing::start(orders.slsbuild("zip --arch amd64 --include data.bin"));
    kill_process(Pid::from_child(&packing.child), Signal::TERM).unwrap();
    assert_eq!(packing.child.wait().unwrap().code(), Some(130));
    let mut stderr = String::new();
    packing.stderr.read_to_string(&mut stderr).unwrap();
    assert_eq!(stderr, "error: interrupted\n");
    assert_eq!(
        fs_err::read(orders.path().join(DIRECTORY).join("bootstrap.zip")).unwrap(),
        before
    );
    assert_eq!(temporaries(&orders.path().join(DIRECTORY)), 0);
    // The next run works.
    orders.write("data.bin", b"small again");
    let again = outcome(&mut orders.slsbuild(build));
    assert!(again.starts_with("exit code: 0\n"), "{again}");
}

fn interrupt(mut child: Child, signal: Signal) -> (Option<i32>, String) {
    kill_process(Pid::from_child(&child), signal).unwrap();
    let code = child.wait().unwrap().code();
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    (code, stderr)
}

/// Waits for something that another process does.
fn wait_until(happened: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !happened() {
        assert!(Instant::now() < deadline, "it did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}
