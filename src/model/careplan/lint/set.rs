//! Files together: units, plans against results, deletes against what they delete.

use super::file::Facts;
use super::finding::{Finding, Findings};
use super::plan::Plan;
use super::rule::Rule;
use super::unit::{self, Group};
use crate::model::careplan::FileName;
use crate::model::careplan::layout::{FileKind, Item};

pub(super) fn lint(facts: &[Facts], plan: &Plan<'_>) -> Findings {
    let mut findings = Findings::new(plan.settings.max_findings);
    let groups = groups(facts);
    unit::complete(&groups, &mut findings);
    for group in &groups {
        unit::agree(group, &mut findings);
        limits(group, &mut findings);
        counts(group, &mut findings);
    }
    let named: Vec<(&FileName, &Facts)> =
        facts.iter().filter_map(|facts| facts.name.as_ref().map(|name| (name, facts))).collect();
    satellites(&named, &mut findings);
    results(&named, &mut findings);
    deletes(&named, &mut findings);
    findings
}

fn groups(facts: &[Facts]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for facts in facts {
        let Some(name) = &facts.name else { continue };
        let same = |group: &&mut Group<'_>| {
            let first = group.files.first().map(|(name, _)| *name);
            first.is_some_and(|first| first.stamp == name.stamp && first.from == name.from && first.to == name.to)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.files.push((name, facts)),
            None => groups.push(Group { files: vec![(name, facts)] }),
        }
    }
    groups
}

fn about(rule: Rule, facts: &Facts, line: u64, item: Option<&'static Item>) -> Finding {
    let finding = Finding::new(rule, &facts.file).at(line);
    match item {
        Some(item) => finding.item(item),
        None => finding,
    }
}

/// Units within the limit against the limit.
fn limits(group: &Group<'_>, findings: &mut Findings) {
    let (Some(supplement), Some(annex)) = (group.of(FileKind::Supplement).next(), group.of(FileKind::SlipAnnex).next())
    else {
        return;
    };
    let item = FileKind::SlipAnnex.item("level_limit_within_units");
    let mut over: Vec<(u64, i64, i64)> = Vec::new();
    for (user, (within, line)) in &annex.units {
        if let Some((limit, _)) = supplement.units.get(user).filter(|(limit, _)| within > limit) {
            over.push((*line, *within, *limit));
        }
    }
    over.sort_unstable();
    for (line, within, limit) in over {
        let finding = about(Rule::LimitExceeded, annex, line, item).shown(Some(within.to_string()));
        findings.push(finding.detail(limit));
    }
}

/// The counts of table 7 against the rows of table 6.
fn counts(group: &Group<'_>, findings: &mut Findings) {
    let (Some(slip), Some(annex)) = (group.of(FileKind::Slip).next(), group.of(FileKind::SlipAnnex).next()) else {
        return;
    };
    let item = FileKind::SlipAnnex.item("times_or_days");
    let mut wrong: Vec<(u64, i64, i64)> = Vec::new();
    for (service, (times, line)) in &annex.services {
        let planned = slip.services.get(service).map_or(0, |(times, _)| *times);
        if planned != *times {
            wrong.push((*line, *times, planned));
        }
    }
    wrong.sort_unstable();
    for (line, times, planned) in wrong {
        let finding = about(Rule::AnnexTimes, annex, line, item).shown(Some(times.to_string()));
        findings.push(finding.detail(planned));
    }
}

/// Satellites of one office belong into one file: a later file that corrects an earlier one holds its branches again.
fn satellites(files: &[(&FileName, &Facts)], findings: &mut Findings) {
    let results: Vec<_> = files.iter().filter(|(name, _)| name.kind == FileKind::Results).collect();
    for (at, (name, facts)) in results.iter().enumerate() {
        let earlier = results.get(..at).unwrap_or_default();
        let split = earlier.iter().any(|(other, others)| {
            (&other.from, &other.to, other.month) == (&name.from, &name.to, name.month)
                && others.branches.is_disjoint(&facts.branches)
        });
        if split {
            findings.push(Finding::new(Rule::SatelliteSplit, &facts.file));
        }
    }
}

/// Results against the plan of the same month, where both are there.
fn results(files: &[(&FileName, &Facts)], findings: &mut Findings) {
    for (name, facts) in files.iter().filter(|(name, _)| name.kind == FileKind::Results) {
        let plans: Vec<&Facts> = files
            .iter()
            .filter(|(plan, _)| {
                plan.kind == FileKind::Slip && plan.month == name.month && plan.from.office == name.to.office
            })
            .map(|(_, facts)| *facts)
            .collect();
        if plans.is_empty() {
            continue;
        }
        let planned =
            |service: &u64| plans.iter().filter_map(|plan| plan.services.get(service)).map(|(times, _)| *times).max();
        let mut beyond: Vec<(u64, Option<i64>, i64)> = facts
            .services
            .iter()
            .map(|(service, (times, line))| (*line, planned(service), *times))
            .filter(|(_, planned, times)| planned.is_none_or(|planned| planned < *times))
            .collect();
        beyond.sort_unstable();
        for (line, planned, times) in beyond {
            findings.push(match planned {
                None => about(Rule::ResultWithoutPlan, facts, line, FileKind::Results.item("service_code")),
                Some(planned) => {
                    let finding = about(Rule::ResultBeyondPlan, facts, line, FileKind::Results.item("times_per_day"));
                    finding.shown(Some(times.to_string())).detail(planned)
                }
            });
        }
    }
}

/// Deletes take effect in the order of the stamps.
fn deletes(files: &[(&FileName, &Facts)], findings: &mut Findings) {
    for (delete, facts) in files.iter().filter(|(name, _)| name.kind.is_delete()) {
        let removes = &delete.kind.layout().removes;
        let same_parties =
            |name: &FileName| name.from.office == delete.from.office && name.to.office == delete.to.office;
        for (name, others) in files.iter().filter(|(name, _)| removes.contains(&name.kind) && same_parties(name)) {
            let mut shared: Vec<(u64, u64)> =
                facts.keys.iter().filter_map(|(key, line)| others.keys.get(key).map(|other| (*line, *other))).collect();
            shared.sort_unstable();
            for (line, other) in shared {
                if name.stamp < delete.stamp {
                    findings.push(Finding::new(Rule::DeleteAfter, &facts.file).at(line).detail(name.kind));
                } else if !resent_whole(files, name, removes) {
                    findings.push(Finding::new(Rule::DeleteChildren, &others.file).at(other).detail(delete.kind));
                }
            }
        }
    }
}

/// True when the unit of a file has the parent that the delete removed as well.
fn resent_whole(files: &[(&FileName, &Facts)], name: &FileName, removes: &[FileKind]) -> bool {
    let parent = removes.first();
    files.iter().any(|(other, _)| Some(&other.kind) == parent && other.stamp == name.stamp)
}
