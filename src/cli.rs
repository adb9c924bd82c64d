//! Command-line types for clap. No logic: what the flags mean is decided once, in `settings/`.
//! A flag has cargo's name when cargo has one.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{
    ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
};

/// The heading of flags that every verb has.
const GLOBAL: &str = "Global options";

/// The heading of flags that say what an image is like and where it goes.
const IMAGE: &str = "Image options";

/// The heading of flags that only Go functions have a use for.
const GO: &str = "Go options";

/// Turns a Rust crate or a Go package into exactly the artifact that a serverless platform runs.
#[derive(Debug, Parser)]
#[command(name = "slsbuild", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 ok, 1 unexpected, 2 usage, 3 project, 4 tool missing,\n\
    5 rejected by a rule, limit or budget, 6 registry or network, 7 the invoked function failed,\n\
    101 cargo or go failed, 130 interrupted."
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Flags of every verb
    #[command(flatten)]
    pub global: GlobalArgs,
}

impl Cli {
    /// Reads the command line and ends the program where it is wrong, as [`Parser::parse`] does; and keeps which flags
    /// came from the environment, which clap tells in no other way.
    pub fn read() -> Self {
        let matches = Self::command().get_matches();
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if let (Some(arguments), Some((_, given))) =
            (cli.command.build_arguments(), matches.subcommand())
        {
            let from_environment =
                |id: &&clap::Id| given.value_source(id.as_str()) == Some(ValueSource::EnvVariable);
            let ids = given.ids().filter(from_environment);
            arguments.from_environment = ids.map(ToString::to_string).collect();
            let typed =
                |id: &&clap::Id| given.value_source(id.as_str()) == Some(ValueSource::CommandLine);
            arguments.given = given.ids().filter(typed).map(ToString::to_string).collect();
        }
        cli
    }
}

/// Flags of every verb.
#[derive(Debug, Args)]
pub struct GlobalArgs {
    /// Print each child command as a line that a shell runs; twice: cargo is verbose too
    #[arg(short, long, global = true, help_heading = GLOBAL, action = ArgAction::Count)]
    pub verbose: u8,
    /// Print only errors
    #[arg(short, long, global = true, help_heading = GLOBAL, conflicts_with = "verbose")]
    pub quiet: bool,
    /// What stdout holds: the artifact's path for people, or one JSON document
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// What stdout holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Paths, one per line
    Human,
    /// One JSON document
    Json,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build every function that the configuration names, or some of them
    Build(BuildAllArgs),
    /// Build a Lambda zip from a Rust crate, a Go package or a ready binary
    Zip(ZipArgs),
    /// Build a function as `zip` does and leave it unpacked in a directory, for SAM Makefiles and CDK bundling
    Dir(DirArgs),
    /// Build container images, and push them to a registry
    Image(Box<ImageArgs>),
    /// Print what `build` or `zip` would do, and touch nothing
    Plan(PlanArgs),
    /// Print what holds for each function, and where it is said
    Config(PlanArgs),
    /// Print the lines that hand the artifacts to a deployment tool
    Init(InitArgs),
    /// Say which tools are installed, and which this project misses
    Doctor(PlanArgs),
    /// Run a function on this machine, from the very artifact that is deployed
    Invoke(InvokeArgs),
    /// Measure a function on this machine, or two against each other
    Bench(BenchArgs),
    /// Check artifacts against the rules and limits of their platform
    Check(CheckArgs),
    /// Push an image that was built before, from its layout or archive
    Push(PushArgs),
    /// Ask a registry what it lets you do
    Registry(RegistryArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual page, for `man -l -`
    Man,
}

impl Command {
    /// The flags of a verb that builds.
    fn build_arguments(&mut self) -> Option<&mut BuildArgs> {
        match self {
            Self::Build(arguments) => Some(&mut arguments.build),
            Self::Zip(arguments) => Some(&mut arguments.build),
            Self::Dir(arguments) => Some(&mut arguments.zip.build),
            Self::Image(arguments) => Some(&mut arguments.zip.build),
            Self::Plan(arguments) | Self::Config(arguments) | Self::Doctor(arguments) => {
                Some(&mut arguments.zip.build)
            }
            Self::Init(arguments) => Some(&mut arguments.plan.zip.build),
            Self::Invoke(_)
            | Self::Bench(_)
            | Self::Check(_)
            | Self::Push(_)
            | Self::Registry(_)
            | Self::Completions { .. }
            | Self::Man => None,
        }
    }
}

/// Flags of `build`.
#[derive(Debug, Args)]
#[command(mut_arg("out_dir", |arg| arg.help(
    "Write all artifacts below this directory, each in one of its own, in place of the project's output directory",
)))]
pub struct BuildAllArgs {
    /// Functions to build, by their names [default: all]
    #[arg(value_name = "FUNCTION")]
    pub functions: Vec<String>,
    /// Flags of the verbs that build
    #[command(flatten)]
    pub build: BuildArgs,
}

/// Flags of `zip`.
#[derive(Debug, Args)]
pub struct ZipArgs {
    /// Build this Go main package: its directory
    #[arg(long, value_name = "DIR", group = "source", conflicts_with_all = ["binary", "package", "bin", "manifest_path"])]
    pub go: Option<PathBuf>,
    /// Pack this Linux program, which is built already
    #[arg(long, value_name = "PATH", group = "source", conflicts_with_all = ["package", "bin"])]
    pub binary: Option<PathBuf>,
    /// The function's name, with --go or --binary
    #[arg(long, value_name = "NAME", requires = "source")]
    pub name: Option<String>,
    /// Flags of the verbs that build
    #[command(flatten)]
    pub build: BuildArgs,
}

/// Flags of `dir`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "With --out-dir DIR the files go into DIR, and other files in it stay. A file that slsbuild put there is \
    written over, and removed once it is no longer part of the function. A file that somebody else put there is not \
    written over, unless it is a compiled program in the place of the function's own: that is what an earlier build left."
)]
pub struct DirArgs {
    /// Functions by their names, with what the configuration says of them [default: those that `zip` builds]
    #[arg(value_name = "FUNCTION", conflicts_with_all = ["go", "binary", "package", "bin"])]
    pub functions: Vec<String>,
    /// Flags of `zip`
    #[command(flatten)]
    pub zip: ZipArgs,
}

/// Flags of `image`.
#[derive(Debug, Args)]
#[command(
    mut_arg("include", |arg| arg.help(
        "Put a file, directory or glob into the image, under its own path or as `FROM:TO`: below the working directory, or where an absolute TO says",
    )),
    mut_arg("out_dir", |arg| arg.help("Write the OCI layout `image` into this directory: for exactly one image"))
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct ImageArgs {
    /// Functions by their names [default: all that the configuration names, else those that cargo would build]
    #[arg(value_name = "FUNCTION", conflicts_with_all = ["go", "binary", "package", "bin"])]
    pub functions: Vec<String>,
    /// Who runs it, which decides what the image is like [default: container]
    #[arg(long = "for", value_name = "PLATFORM", env = "SLSBUILD_FOR", help_heading = IMAGE)]
    pub platform: Option<ImagePlatform>,
    /// What it stands on: `distroless`, `lambda`, `builtin`, `scratch`, a reference, or an OCI layout's directory
    #[arg(long, value_name = "BASE", env = "SLSBUILD_BASE", help_heading = IMAGE)]
    pub base: Option<String>,
    /// Ask the registry what the base's tag stands for now, and write it into slsbuild.lock
    #[arg(long, help_heading = IMAGE)]
    pub update_base: bool,
    /// Push it to this repository, under the reference's tag
    #[arg(long, value_name = "REF", help_heading = IMAGE)]
    pub push: Option<String>,
    /// A tag to push it under, or to name it by where it is loaded [default: latest]
    #[arg(short, long, value_name = "TAG", help_heading = IMAGE)]
    pub tag: Vec<String>,
    /// Write it as `docker-archive=FILE`, `oci-archive=FILE` or `oci-layout=DIR`
    #[arg(long, value_name = "KIND=PATH", help_heading = IMAGE)]
    pub output: Vec<String>,
    /// Load it into docker, or else podman
    #[arg(long, help_heading = IMAGE)]
    pub load: bool,
    /// Take http and certificates of nobody from the registry
    #[arg(long, help_heading = IMAGE)]
    pub insecure: bool,
    /// How its layers are compressed [default: gzip]
    #[arg(long, value_name = "HOW", env = "SLSBUILD_COMPRESSION", help_heading = IMAGE)]
    pub compression: Option<Compression>,
    /// A variable of its environment
    #[arg(long, value_name = "KEY=VALUE", help_heading = IMAGE)]
    pub env: Vec<String>,
    /// A label of its config
    #[arg(long, value_name = "KEY=VALUE", help_heading = IMAGE)]
    pub label: Vec<String>,
    /// An annotation of its manifest
    #[arg(long, value_name = "KEY=VALUE", help_heading = IMAGE)]
    pub annotation: Vec<String>,
    /// Annotate it with the git remote and commit it is built from: each commit is another image then
    #[arg(long, help_heading = IMAGE)]
    pub label_git: bool,
    /// Whom it runs as [default: what the base says]
    #[arg(long, value_name = "USER", help_heading = IMAGE)]
    pub user: Option<String>,
    /// Its working directory [default: /var/task for Lambda, else /app]
    #[arg(long, value_name = "DIR", help_heading = IMAGE)]
    pub workdir: Option<String>,
    /// A port that it listens on [default: 8080, none for Lambda]
    #[arg(long, value_name = "PORT", help_heading = IMAGE, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Vec<u16>,
    /// What is started, one flag a word or a JSON list [default: the function's program]
    #[arg(long, value_name = "WORD", help_heading = IMAGE, allow_hyphen_values = true)]
    pub entrypoint: Vec<String>,
    /// The arguments of what is started, one flag a word or a JSON list
    #[arg(long, value_name = "WORD", help_heading = IMAGE, allow_hyphen_values = true)]
    pub cmd: Vec<String>,
    /// Make errors of this rule warnings
    #[arg(long, value_name = "RULE", help_heading = IMAGE)]
    pub allow: Vec<String>,
    /// Flags of `zip`
    #[command(flatten)]
    pub zip: ZipArgs,
}

/// Who runs an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImagePlatform {
    /// AWS Lambda
    Lambda,
    /// Google Cloud Run
    CloudRun,
    /// AWS Fargate, or another ECS
    Fargate,
    /// Anything that runs images
    Container,
    /// AWS App Runner
    AppRunner,
}

/// How layers are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compression {
    /// What everything reads
    Gzip,
    /// Smaller and faster to unpack, where the platform takes it
    Zstd,
}

/// Flags of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The tool that deploys
    pub tool: Deployer,
    /// Write the files into the project's directory, over none that is there
    #[arg(long)]
    pub write: bool,
    /// Flags of `plan`
    #[command(flatten)]
    pub plan: PlanArgs,
}

/// A tool that deploys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Deployer {
    /// AWS SAM: a template, and a Makefile that `sam build` runs
    Sam,
    /// AWS CDK: a construct in TypeScript
    Cdk,
    /// Terraform: resources of the AWS provider
    Terraform,
    /// Serverless Framework: a service
    Serverless,
}

/// Flags of `plan`, `config` and `doctor`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Functions of the configuration, by their names [default: all]
    #[arg(value_name = "FUNCTION", conflicts_with_all = ["go", "binary", "package", "bin"])]
    pub functions: Vec<String>,
    /// Flags of `zip`
    #[command(flatten)]
    pub zip: ZipArgs,
}

/// Flags of `push`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Credentials are those of `SLSBUILD_REGISTRY_USERNAME` and `SLSBUILD_REGISTRY_PASSWORD`, else what \
    `docker login` or `podman login` left, their helpers included; `slsbuild registry check` says which."
)]
pub struct PushArgs {
    /// The image: an OCI layout directory, or an archive that `slsbuild image` or `docker save` wrote
    #[arg(value_name = "LAYOUT")]
    pub layout: PathBuf,
    /// Where it goes: `HOST/REPOSITORY[:TAG]`
    #[arg(value_name = "REF")]
    pub reference: String,
    /// A tag, beside the one that REF has [default: latest]
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Also push without TLS, or to a registry whose certificate nobody vouches for
    #[arg(long)]
    pub insecure: bool,
}

/// Verbs about registries.
#[derive(Debug, Args)]
pub struct RegistryArgs {
    /// What to do
    #[command(subcommand)]
    pub command: RegistryCommand,
}

/// What can be done with a registry.
#[derive(Debug, Subcommand)]
pub enum RegistryCommand {
    /// Say how the registry is reached, which credentials are used, and whether an image can be pulled and pushed
    Check(RegistryCheckArgs),
}

/// Flags of `registry check`.
#[derive(Debug, Args)]
pub struct RegistryCheckArgs {
    /// The image: `HOST/REPOSITORY[:TAG]`
    #[arg(value_name = "REF")]
    pub reference: String,
    /// Ask only whether it can be pulled, and begin no upload
    #[arg(long)]
    pub pull_only: bool,
    /// Also talk to it without TLS, or if nobody vouches for its certificate
    #[arg(long)]
    pub insecure: bool,
}

/// Flags of the verbs that build.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Architectures to build for: `arm64`, `amd64`, `host`, or a list [env: `SLSBUILD_ARCH`] [default: arm64]
    #[arg(
        long,
        value_name = "ARCH",
        value_delimiter = ',',
        conflicts_with = "target"
    )]
    pub arch: Vec<String>,
    /// Linux target triple to build for, musl or gnu
    #[arg(long, value_name = "TRIPLE")]
    pub target: Vec<String>,
    /// The Lambda runtime a gnu binary must run on: `provided.al2023` (glibc 2.34) or `provided.al2` (2.26) [default: provided.al2023]
    #[arg(long, value_name = "RUNTIME", env = "SLSBUILD_RUNTIME")]
    pub runtime: Option<String>,
    /// What the optimizer aims at, where the crate's profile does not say it: opt-level z, s with more inlining, or 3 [default: speed]
    #[arg(long, value_name = "AIM", env = "SLSBUILD_OPTIMIZE")]
    pub optimize: Option<Optimize>,
    /// What a panic does; without this flag it is what the crate's profile says
    #[arg(long, value_name = "STRATEGY", env = "SLSBUILD_PANIC")]
    pub panic: Option<Panic>,
    /// What is stripped from the binary [default: symbols, or what the crate's profile says]
    #[arg(long, value_name = "WHAT", env = "SLSBUILD_STRIP")]
    pub strip: Option<Strip>,
    /// The CPU that is compiled for, or `generic` [default: what the platform's machines have at least; your `-C target-cpu` wins]
    #[arg(long, value_name = "NAME", env = "SLSBUILD_TARGET_CPU")]
    pub target_cpu: Option<String>,
    /// The allocator of static binaries, where the crate has no `#[global_allocator]`: slsbuild's, or musl's own [default: dlmalloc]
    #[arg(long, value_name = "ALLOCATOR", env = "SLSBUILD_ALLOCATOR")]
    pub allocator: Option<Allocator>,
    /// Whether slsbuild's allocator and memory functions go in front of musl's in static binaries [default: on]
    #[arg(long, value_name = "WHETHER", env = "SLSBUILD_RUNTIME_ARCHIVE")]
    pub runtime_archive: Option<Switch>,
    /// Train on these events and build with what was learned: a directory or a file; with several functions, a directory per function
    #[arg(long, value_name = "EVENTS", conflicts_with = "pgo_profile")]
    pub pgo: Vec<PathBuf>,
    /// How often each event is run in training [default: 50]
    #[arg(long, value_name = "N", requires = "pgo", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub pgo_repeat: Option<u32>,
    /// A variable of the function's environment in training
    #[arg(long, value_name = "KEY=VALUE", requires = "pgo")]
    pub pgo_env: Vec<String>,
    /// Write what was learned into this file
    #[arg(long, value_name = "FILE", requires = "pgo")]
    pub pgo_out: Option<PathBuf>,
    /// Build with what was learned before, from a file that `--pgo-out` wrote
    #[arg(long, value_name = "FILE")]
    pub pgo_profile: Option<PathBuf>,
    /// Put a file, directory or glob into the zip, under its own path or as `FROM:TO`; relative to the manifest
    #[arg(long, value_name = "PATH[:TO]")]
    pub include: Vec<String>,
    /// Write the artifact into this directory, which stays flat: for exactly one artifact
    #[arg(long, value_name = "DIR", env = "SLSBUILD_OUT_DIR")]
    pub out_dir: Option<PathBuf>,
    /// Whose layout the artifacts are written in; `cargo-lambda` writes `lambda/<bin>/bootstrap` and `bootstrap.zip` in cargo's target directory too [default: slsbuild]
    #[arg(long, value_name = "LAYOUT", env = "SLSBUILD_LAYOUT")]
    pub layout: Option<Layout>,
    /// The configuration [default: the nearest `slsbuild.toml` above, and the manifests' own sections]
    #[arg(long, value_name = "FILE", env = "SLSBUILD_CONFIG")]
    pub config: Option<PathBuf>,
    /// Build tags for Go, beside `lambda.norpc`
    #[arg(long, value_name = "TAGS", env = "SLSBUILD_TAGS", value_delimiter = ',', help_heading = GO)]
    pub tags: Vec<String>,
    /// Linker flags for Go, as `go build -ldflags` takes them, beside `-s -w`
    #[arg(long, value_name = "FLAGS", env = "SLSBUILD_LDFLAGS", allow_hyphen_values = true, help_heading = GO)]
    pub ldflags: Option<String>,
    /// Flags that cargo has too
    #[command(flatten)]
    pub cargo: CargoArgs,
    /// Clap's names of the flags whose value came from the environment
    #[arg(skip)]
    pub from_environment: Vec<String>,
    /// Clap's names of the flags that were typed
    #[arg(skip)]
    pub given: Vec<String>,
}

/// Flags that are cargo's own and mean what they mean there.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of cargo's")]
#[command(next_help_heading = "Cargo options")]
pub struct CargoArgs {
    /// Package to build
    #[arg(short, long, value_name = "SPEC")]
    pub package: Vec<String>,
    /// Binary to build
    #[arg(long, value_name = "NAME")]
    pub bin: Vec<String>,
    /// Path to Cargo.toml
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<PathBuf>,
    /// Directory for all of cargo's output, and for ours below it
    #[arg(long, value_name = "DIR")]
    pub target_dir: Option<PathBuf>,
    /// Profile to build with [default: release]
    #[arg(long, value_name = "NAME", env = "SLSBUILD_PROFILE")]
    pub profile: Option<String>,
    /// Features to activate
    #[arg(short = 'F', long, value_name = "FEATURES", env = "SLSBUILD_FEATURES")]
    pub features: Vec<String>,
    /// Activate all features
    #[arg(long)]
    pub all_features: bool,
    /// Do not activate the `default` feature
    #[arg(long)]
    pub no_default_features: bool,
    /// Cargo.lock must be up to date
    #[arg(long)]
    pub locked: bool,
    /// Neither touch Cargo.lock nor the network
    #[arg(long)]
    pub frozen: bool,
    /// Stay off the network
    #[arg(long)]
    pub offline: bool,
    /// Build what can be built, also when something fails
    #[arg(long)]
    pub keep_going: bool,
    /// Number of parallel jobs; of Go builds that run at once each gets a share
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<String>,
    /// More arguments for `cargo build`
    #[arg(last = true, value_name = "CARGO_ARGS")]
    pub extra: Vec<String>,
}

/// Whose layout artifacts are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// slsbuild's own
    Slsbuild,
    /// cargo-lambda's beside it, for tools that look there
    CargoLambda,
}

/// What the optimizer aims at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Optimize {
    /// opt-level z
    Size,
    /// opt-level s, with more inlining
    Balanced,
    /// opt-level 3
    Speed,
}

/// The allocator of static binaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Allocator {
    /// dlmalloc with a cache of small blocks for each thread
    Dlmalloc,
    /// musl's own
    System,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// It does
    On,
    /// It does not
    Off,
}

/// What a panic does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Panic {
    /// Unwind: one bad request does not end the others
    Unwind,
    /// Abort: smaller, and ends the whole instance
    Abort,
}

/// What is stripped from the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Strip {
    /// Symbols and debug info
    Symbols,
    /// Debug info only
    Debuginfo,
    /// Nothing
    None,
}

/// Flags of `invoke`.
#[derive(Debug, Args)]
pub struct InvokeArgs {
    /// A zip or an image (a layout's directory or an archive) that slsbuild or another tool made, a directory with a `bootstrap`, or
    /// a Linux binary
    pub artifact: PathBuf,
    /// The event: a file, `-` for stdin, or JSON itself
    #[arg(long, value_name = "EVENT", default_value = "{}")]
    pub event: String,
    /// A layer's zip, whose extensions run beside the function; up to five, a later one's files over an earlier one's.
    /// This machine's `/opt` is not touched: layers lie in the function's own directory, with `bin` on `PATH` and `lib` in `LD_LIBRARY_PATH`
    #[arg(long = "layer", value_name = "LAYER")]
    pub layers: Vec<PathBuf>,
    /// How the function is configured
    #[command(flatten)]
    pub function: FunctionArgs,
    /// Client context of the invocation, as JSON
    #[arg(long, value_name = "JSON")]
    pub client_context: Option<String>,
    /// Cognito identity of the invocation, as JSON
    #[arg(long, value_name = "JSON")]
    pub cognito_identity: Option<String>,
}

/// Flags of the verbs that run a function.
#[derive(Debug, Args)]
pub struct FunctionArgs {
    /// Seconds until the function is ended
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=900))]
    pub timeout: u32,
    /// Memory size in MB that the function is told, and that its peak is reported against
    #[arg(long, value_name = "MB", default_value = "128", value_parser = clap::value_parser!(u32).range(128..=10_240))]
    pub memory: u32,
    /// A variable of the function's environment
    #[arg(long = "env", value_name = "KEY=VALUE")]
    pub environment: Vec<String>,
}

/// Flags of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// A zip, an image or a directory with a `bootstrap`, of any tool, or a Linux binary; a second one is compared with the first, call by call
    #[arg(required = true, num_args = 1..=2, value_name = "ARTIFACT")]
    pub artifacts: Vec<PathBuf>,
    /// An event: a file, `-` for stdin, or JSON itself; may be repeated
    #[arg(long = "event", value_name = "EVENT", default_value = "{}")]
    pub events: Vec<String>,
    /// How many calls of each event are measured
    #[arg(long, value_name = "N", default_value = "200", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub calls: u32,
    /// How many calls of each event go before, unmeasured
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub warm_up: u32,
    /// How many starts are measured
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub starts: u32,
    /// How the functions are configured
    #[command(flatten)]
    pub function: FunctionArgs,
}

/// What a Lambda zip is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LambdaKind {
    /// A function: `bootstrap` at the root
    Function,
    /// A layer with extensions: files in `extensions/`
    Extension,
    /// A layer of any files
    Layer,
}

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Lambda zips (functions, extensions, layers) and images (a layout's directory, an archive, or a reference
    /// `HOST/REPOSITORY:TAG` in a registry), of slsbuild or of another tool
    #[arg(required = true, value_name = "ARTIFACT")]
    pub artifacts: Vec<PathBuf>,
    /// Whose rules hold: `lambda`, `cloud-run`, `fargate`, `container` or `app-runner` [default: lambda for a zip, container for
    /// an image]
    #[arg(long = "for", value_name = "PLATFORM")]
    pub platform: Option<String>,
    /// A rule that may be broken, by its id as it stands behind a finding: what it finds is a warning
    #[arg(long, value_name = "RULE")]
    pub allow: Vec<String>,
    /// Take http and certificates of nobody from a registry
    #[arg(long)]
    pub insecure: bool,
    /// What the zips are for [default: function; extension, where there is `extensions/` and no `bootstrap`]
    #[arg(long, value_name = "KIND")]
    pub kind: Option<LambdaKind>,
    /// The architecture the function is configured with, or that the image must be for [default: what the artifact says]
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// The Lambda runtime that the artifact must run on
    #[arg(
        long,
        value_name = "RUNTIME",
        env = "SLSBUILD_RUNTIME",
        default_value = "provided.al2023"
    )]
    pub runtime: String,
}
