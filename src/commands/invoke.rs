//! `slsbuild invoke`: one event for the function in an artifact, run as Lambda would run it.
//! stdout is the response byte for byte; the function's log and Lambda's own lines are on stderr.

use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cli::{Format, InvokeArgs};
use crate::error::Result;
use crate::local::{
    Configuration, Event, Failure, INIT_LIMIT, Instance, Invocation, Logging, Report, Sandbox,
    context_header, init_report,
};
use crate::target::Arch;
use crate::ui::Ui;

/// Runs the function in an artifact with one event.
pub fn invoke(arguments: &InvokeArgs, format: Format, ui: Ui) -> Result<()> {
    let configuration = Configuration::new(&arguments.artifact, &arguments.function)?;
    let invocation = invocation(arguments, &configuration, ui)?;
    let sandbox = Sandbox::with_layers(&arguments.artifact, &arguments.layers)?;
    for note in sandbox.notes() {
        ui.note(note);
    }
    let name = configuration.name.clone();
    let mut instance = Instance::new(sandbox, configuration, Logging::Printed(ui))?;
    let run = run(&mut instance, invocation, arguments, ui)?;
    advise(&run, &name, ui);
    match format {
        Format::Human => ui.result_on_terminal(run.response.as_deref().unwrap_or_default())?,
        Format::Json => ui.result(document(&run)?)?,
    }
    match run.failure {
        None => Ok(()),
        Some(failure) => {
            let hint = failure.hint(Some(("invoke", &arguments.artifact)));
            Err(failure.error(&name, None, hint))
        }
    }
}

fn invocation(arguments: &InvokeArgs, configuration: &Configuration, ui: Ui) -> Result<Invocation> {
    let context = |flag: &str, json: &Option<String>| {
        json.as_deref()
            .map(|json| context_header(flag, json))
            .transpose()
    };
    let client_context = context("--client-context", &arguments.client_context)?;
    let cognito_identity = context("--cognito-identity", &arguments.cognito_identity)?;
    let event = Event::read(&arguments.event)?;
    if !event.is_json {
        ui.note("the event is no JSON: it is passed as it is");
    }
    Ok(Invocation {
        client_context,
        cognito_identity,
        ..Invocation::new(event.bytes, configuration.timeout, configuration.arn())
    })
}

/// All that one invocation showed.
struct Run {
    request_id: String,
    response: Option<Vec<u8>>,
    failure: Option<Failure>,
    init: Duration,
    duration: Option<Duration>,
    billed_ms: u128,
    peak_mb: u64,
    memory_mb: u32,
    arch: Option<Arch>,
    /// What is not an error and should be known.
    notes: Vec<String>,
}

fn run(
    instance: &mut Instance,
    invocation: Invocation,
    arguments: &InvokeArgs,
    ui: Ui,
) -> Result<Run> {
    let init = instance.init()?;
    let mut run = Run {
        request_id: invocation.request_id.clone(),
        response: None,
        failure: init.failure,
        init: init.duration,
        duration: None,
        billed_ms: init.duration.as_nanos().div_ceil(1_000_000),
        peak_mb: 0,
        memory_mb: arguments.function.memory,
        arch: instance.sandbox().arch(),
        notes: Vec::new(),
    };
    match &run.failure {
        Some(failure) => {
            instance.end_function();
            ui.log(init_report(run.init, failure));
        }
        None => send(instance, invocation, &mut run, ui),
    }
    // Extensions hear of the end when the function's part is over.
    instance.end();
    run.peak_mb = instance.peak_mb();
    Ok(run)
}

/// Sends the event to a function that has started, and ends it; its extensions go on.
fn send(instance: &mut Instance, invocation: Invocation, run: &mut Run, ui: Ui) {
    let seconds = invocation.timeout.as_secs();
    ui.log(Report::start(&run.request_id));
    let outcome = instance.invoke(invocation);
    // What the function left running has no part in the log after END.
    instance.end_function();
    let report = Report {
        request_id: &run.request_id,
        init: Some(run.init),
        duration: outcome.duration,
        memory_mb: run.memory_mb,
        peak_mb: instance.peak_mb(),
        failure: outcome.failure.as_ref(),
    };
    run.billed_ms = report.billed_milliseconds();
    ui.log(Report::end(&run.request_id));
    ui.log(report);
    if let Some(ending) = outcome.ended.filter(|_| outcome.failure.is_none()) {
        run.notes.push(format!(
            "the process ended after its answer ({ending}): on Lambda the next event starts a new one"
        ));
    }
    if outcome.lingered {
        run.notes.push(format!(
            "the process answered and did not ask for its next event within {seconds} s: Lambda bills that time"
        ));
    }
    if let Some(extension) = outcome.lingering_extension {
        run.notes.push(format!(
            "extension `{extension}` did not ask for its next event within {seconds} s: Lambda bills that time"
        ));
    }
    run.failure = outcome.failure;
    run.response = outcome.response;
    run.duration = Some(outcome.duration);
}

/// Warns of what worked here and would not on Lambda.
fn advise(run: &Run, name: &str, ui: Ui) {
    for note in &run.notes {
        ui.warning(note, None);
    }
    if run.init > INIT_LIMIT && run.failure.is_none() {
        ui.warning(
            format!("`{name}` took {:.1} s to start: Lambda ends an init phase after 10 s and begins it again", run.init.as_secs_f64()),
            None,
        );
    }
    if run.peak_mb > u64::from(run.memory_mb) {
        ui.warning(
            format!(
                "`{name}` used {} MB of {} MB: Lambda ends a process that uses more than its memory size",
                run.peak_mb, run.memory_mb
            ),
            Some(&format!("--memory {}", run.peak_mb)),
        );
    }
}

/// What `--format json` prints. Fields are only ever added.
#[derive(Serialize)]
struct Document<'a> {
    status: &'static str,
    request_id: &'a str,
    arch: Option<Arch>,
    /// The response, when it is JSON.
    response: Option<Box<RawValue>>,
    /// The response, when it is not.
    response_base64: Option<String>,
    error: Option<ErrorDocument<'a>>,
    init_duration_ms: f64,
    duration_ms: Option<f64>,
    billed_duration_ms: u128,
    memory_size_mb: u32,
    max_memory_used_mb: u64,
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    r#type: &'a str,
    message: String,
}

fn document(run: &Run) -> Result<String> {
    let bytes = run.response.as_deref();
    // Raw: the function's own spelling of numbers and order of keys stay.
    let response = bytes.and_then(|bytes| serde_json::from_slice::<Box<RawValue>>(bytes).ok());
    let response_base64 = bytes
        .filter(|_| response.is_none())
        .map(|bytes| base64::engine::general_purpose::STANDARD.encode(bytes));
    let failure = run.failure.as_ref();
    let document = Document {
        status: failure.map_or("success", |failure| failure.status().unwrap_or("error")),
        request_id: &run.request_id,
        arch: run.arch,
        response,
        response_base64,
        error: failure.map(|failure| ErrorDocument {
            r#type: failure.kind(),
            message: failure.message(),
        }),
        init_duration_ms: hundredths(run.init),
        duration_ms: run.duration.map(hundredths),
        billed_duration_ms: run.billed_ms,
        memory_size_mb: run.memory_mb,
        max_memory_used_mb: run.peak_mb,
    };
    let text = serde_json::to_string_pretty(&document).context("the result cannot be printed")?;
    Ok(text)
}

/// Milliseconds with two digits, as in the REPORT line.
fn hundredths(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}
