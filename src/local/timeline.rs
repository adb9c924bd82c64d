//! The lines that Lambda writes around a function's log: `START`, `END`, `REPORT`, `INIT_REPORT`. Fields are separated by tabs.

use std::fmt;
use std::time::Duration;

use super::failure::Failure;

/// The figures of one event.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The request id.
    pub request_id: &'a str,
    /// The init phase that preceded it, if there was one.
    pub init: Option<Duration>,
    /// How long it took.
    pub duration: Duration,
    /// The function's memory size in MB.
    pub memory_mb: u32,
    /// The most memory it used, in MB.
    pub peak_mb: u64,
    /// Why it failed, if it did.
    pub failure: Option<&'a Failure>,
}

impl Report<'_> {
    /// What Lambda bills: init phase and duration together, in whole milliseconds.
    pub fn billed_milliseconds(&self) -> u128 {
        (self.init.unwrap_or_default() + self.duration)
            .as_nanos()
            .div_ceil(1_000_000)
    }

    /// The line before the function's log.
    pub fn start(request_id: &str) -> String {
        format!("START RequestId: {request_id} Version: $LATEST")
    }

    /// The line after the function's log.
    pub fn end(request_id: &str) -> String {
        format!("END RequestId: {request_id}")
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory Used: {} MB",
            self.request_id,
            milliseconds(self.duration),
            self.billed_milliseconds(),
            self.memory_mb,
            self.peak_mb,
        )?;
        if let Some(init) = self.init {
            write!(f, "\tInit Duration: {:.2} ms", milliseconds(init))?;
        }
        if let Some((failure, status)) = self
            .failure
            .and_then(|failure| Some((failure, failure.status()?)))
        {
            write!(f, "\tStatus: {status}")?;
            if status == "error" {
                write!(f, "\tError Type: {}", failure.kind())?;
            }
        }
        Ok(())
    }
}

/// The line about an init phase that failed.
pub fn init_report(duration: Duration, failure: &Failure) -> String {
    let status = failure.status().unwrap_or("error");
    let mut line = format!(
        "INIT_REPORT Init Duration: {:.2} ms\tPhase: init\tStatus: {status}",
        milliseconds(duration)
    );
    if status == "error" {
        line.push_str("\tError Type: ");
        line.push_str(failure.kind());
    }
    line
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::Ending;

    #[test]
    fn a_report_reads_as_on_lambda() {
        let report = Report {
            request_id: "id",
            init: Some(Duration::from_micros(265_720)),
            duration: Duration::from_micros(395_990),
            memory_mb: 512,
            peak_mb: 301,
            failure: None,
        };
        assert_eq!(
            report.to_string(),
            "REPORT RequestId: id\tDuration: 395.99 ms\tBilled Duration: 662 ms\tMemory Size: 512 MB\tMax Memory Used: 301 MB\tInit Duration: 265.72 ms"
        );
        let failure = Failure::Exited(Ending::Signal(9));
        let failed = Report {
            failure: Some(&failure),
            init: None,
            ..report
        };
        assert!(
            failed
                .to_string()
                .ends_with("301 MB\tStatus: error\tError Type: Runtime.ExitError")
        );
        assert_eq!(failed.billed_milliseconds(), 396);
    }

    #[test]
    fn a_failed_init_has_its_own_line() {
        let failure = Failure::InvalidEntrypoint(String::new());
        assert_eq!(
            init_report(Duration::from_micros(440), &failure),
            "INIT_REPORT Init Duration: 0.44 ms\tPhase: init\tStatus: error\tError Type: Runtime.InvalidEntrypoint"
        );
        let slow = Failure::InitTimedOut(Duration::from_secs(10));
        assert!(init_report(Duration::from_secs(10), &slow).ends_with("Status: timeout"));
    }
}
