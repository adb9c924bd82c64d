//! Runs an artifact on this machine as Lambda would: the Runtime and the Extensions API ([`Server`]), the directories and the
//! environment a function sees ([`Sandbox`]), and the processes that poll for events ([`Instance`]).
//! What is printed and how a run is judged is the business of `commands/`.

mod body;
mod cpu;
mod environment;
mod event;
mod exchange;
mod extensions;
mod failure;
mod instance;
mod invocation;
mod logs;
mod memory;
mod process;
mod reply;
mod routes;
mod sandbox;
mod server;
mod timeline;

pub use environment::{Configuration, function_name};
pub use event::{EVENT_LIMIT, Event, context_header, event_label};
pub use exchange::{Answer, FunctionError, Notice};
pub use failure::{Ending, ExtensionFault, Failure};
pub use instance::{INIT_LIMIT, Init, Instance, Outcome};
pub use invocation::Invocation;
pub use logs::Logging;
pub use sandbox::Sandbox;
pub use server::Server;
pub use timeline::{Report, init_report};

/// What a function may answer at most: 6 MiB and 100 bytes.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>, and `MaxPayloadSize` in
/// <https://github.com/aws/aws-lambda-runtime-interface-emulator> (2026-11).
pub const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024 + 100;

/// What a function may stream at most: 200 MiB.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html> (2026-11).
pub const STREAM_LIMIT: usize = 200 * 1024 * 1024;
