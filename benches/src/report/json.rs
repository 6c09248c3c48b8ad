//! The report as JSON.

use serde_json::{Value, json};

use super::{Figure, Info, Report};
use crate::machine::Machine;

/// The report with the machine it was made on.
#[must_use]
pub fn to_json(report: &Report, machine: &Machine, quick: bool) -> Value {
    json!({
        "machine": {
            "processor": machine.processor,
            "cores": machine.cores,
            "backend": machine.backend,
            "rustc": machine.rustc,
            "commit": machine.commit,
        },
        "quick": quick,
        "figures": report.figures.iter().map(figure).collect::<Vec<_>>(),
        "infos": report.infos.iter().map(info).collect::<Vec<_>>(),
    })
}

fn figure(figure: &Figure) -> Value {
    json!({
        "name": figure.name,
        "peer": figure.peer,
        "unit": figure.unit.word(),
        "clock": figure.clock,
        "ours": figure.outcome.ours_ns,
        "theirs": figure.outcome.theirs_ns,
        "ratio": figure.outcome.ratio,
        "ratio_p10": figure.outcome.low,
        "ratio_p90": figure.outcome.high,
        "rounds": figure.outcome.rounds,
    })
}

fn info(info: &Info) -> Value {
    json!({ "name": info.name, "value": info.value, "unit": info.unit.word() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_says_against_whom_and_on_what() {
        let report = super::super::tests::sample();
        let value = to_json(&report, &Machine::default(), true);
        assert_eq!(value["figures"][0]["ratio"], 2.0);
        assert_eq!(value["figures"][0]["peer"], "peer <1>");
        assert_eq!(value["infos"][0]["unit"], "bytes");
        assert_eq!(value["quick"], true);
    }
}
