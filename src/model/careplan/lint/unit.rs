//! Files with one stamp: whether they are a send unit, and whether their records fit each other.

use super::file::Facts;
use super::finding::{Finding, Findings};
use super::rule::Rule;
use crate::model::careplan::layout::FileKind;
use crate::model::careplan::send_unit::{SendUnit, UnitMonth, send_units};
use crate::model::careplan::{FileName, MonthPart};
use crate::order;

/// Files of the same sender, recipient and stamp, in the order in which they were given.
pub(super) struct Group<'f> {
    pub(super) files: Vec<(&'f FileName, &'f Facts)>,
}

impl<'f> Group<'f> {
    pub(super) fn kinds(&self) -> Vec<FileKind> {
        let mut kinds: Vec<FileKind> = self.files.iter().map(|(name, _)| name.kind).collect();
        order::sort(&mut kinds);
        kinds.dedup();
        kinds
    }

    pub(super) fn of(&self, kind: FileKind) -> impl Iterator<Item = &'f Facts> + '_ {
        self.files.iter().filter(move |(name, _)| name.kind == kind).map(|(_, facts)| *facts)
    }

    fn zero(&self) -> bool {
        self.files.iter().any(|(name, _)| name.month == Some(MonthPart::Zero))
    }

    /// The unit that the files are; `None` when they are none, or not a whole one.
    pub(super) fn unit(&self) -> Option<&'static SendUnit> {
        let kinds = self.kinds();
        send_units().iter().find(|unit| unit.is(&kinds) && self.fits(unit))
    }

    /// The unit that lacks the least.
    fn nearest(&self) -> Option<(&'static SendUnit, Vec<FileKind>)> {
        let kinds = self.kinds();
        let missing = |unit: &SendUnit| -> Vec<FileKind> {
            unit.required.iter().copied().filter(|kind| !kinds.contains(kind)).collect()
        };
        let units = send_units().iter().filter(|unit| unit.holds(&kinds) && self.fits(unit));
        units.map(|unit| (unit, missing(unit))).min_by_key(|(_, missing)| missing.len())
    }

    /// The supplement's month part decides between tables 1 to 3 and tables 6 and 7.
    fn fits(&self, unit: &SendUnit) -> bool {
        let supplement = self.files.iter().any(|(name, _)| name.kind == FileKind::Supplement);
        !supplement || (unit.month == UnitMonth::Zero) == self.zero()
    }

    pub(super) fn finding(&self, rule: Rule) -> Option<Finding> {
        self.files.first().map(|(_, facts)| Finding::new(rule, &facts.file))
    }
}

fn prefixes(kinds: &[FileKind]) -> String {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.prefix()).collect();
    names.join(", ")
}

/// Whether the files of every group are a unit; files that would be one but for their stamps are told so.
pub(super) fn complete(groups: &[Group<'_>], findings: &mut Findings) {
    for (at, group) in groups.iter().enumerate() {
        if group.unit().is_some() {
            continue;
        }
        let partner = groups.iter().enumerate().find(|(other_at, other)| {
            *other_at != at && other.unit().is_none() && same_parties(group, other) && together(group, other)
        });
        let found = match (partner, group.nearest()) {
            (Some((other_at, _)), _) if other_at > at => continue,
            (Some((_, other)), _) => {
                let kinds = [group.kinds(), other.kinds()].concat();
                group.finding(Rule::UnitStamps).map(|finding| finding.detail(prefixes(&kinds)))
            }
            (None, Some((_, missing))) => {
                group.finding(Rule::UnitIncomplete).map(|finding| finding.detail(prefixes(&missing)))
            }
            (None, None) => group.finding(Rule::UnitUnknown).map(|finding| finding.detail(prefixes(&group.kinds()))),
        };
        found.into_iter().for_each(|finding| findings.push(finding));
    }
}

fn same_parties(one: &Group<'_>, other: &Group<'_>) -> bool {
    let parties = |group: &Group<'_>| group.files.first().map(|(name, _)| (name.from.clone(), name.to.clone()));
    parties(one) == parties(other)
}

fn together(one: &Group<'_>, other: &Group<'_>) -> bool {
    Group { files: [one.files.as_slice(), other.files.as_slice()].concat() }.unit().is_some()
}

/// Files of one unit agree with each other.
pub(super) fn agree(group: &Group<'_>, findings: &mut Findings) {
    let mut seen: Vec<FileKind> = Vec::new();
    let (mut month, mut version) = (None, None);
    for (name, facts) in &group.files {
        if seen.contains(&name.kind) && name.kind != FileKind::BaseImage {
            findings.push(Finding::new(Rule::UnitTwice, &facts.file).detail(name.kind));
        }
        seen.push(name.kind);
        if let Some(own) = name.service_month()
            && *month.get_or_insert(own) != own
        {
            findings.push(Finding::new(Rule::UnitMonths, &facts.file).detail(own));
        }
        if let Some(own) = facts.version.as_deref()
            && *version.get_or_insert(own) != own
        {
            let own = String::from_utf8_lossy(own);
            findings.push(Finding::new(Rule::UnitVersions, &facts.file).detail(own));
        }
    }
    let supplement_hangs_on = if group.zero() { FileKind::Plan1 } else { FileKind::Slip };
    for (name, facts) in &group.files {
        let parent = match name.kind {
            FileKind::Supplement => Some(supplement_hangs_on),
            kind => kind.layout().parent,
        };
        if let Some(parent) = parent.filter(|_| name.kind != FileKind::BaseImage) {
            links(group, parent, name.kind, facts, findings);
        }
    }
    images(group, findings);
}

/// Every record has its parent, and every parent its children.
fn links(group: &Group<'_>, parent: FileKind, kind: FileKind, child: &Facts, findings: &mut Findings) {
    let Some(parents) = group.of(parent).next() else { return };
    for line in missing(child, parents) {
        findings.push(Finding::new(Rule::ParentMissing, &child.file).at(line).detail(parent));
    }
    // An annex may have nothing to say of a person.
    if matches!(kind, FileKind::BaseDay | FileKind::BaseHistory) {
        return;
    }
    for line in missing(parents, child) {
        findings.push(Finding::new(Rule::ChildMissing, &parents.file).at(line).detail(kind));
    }
}

/// The lines of the keys of `one` that `other` has not.
fn missing(one: &Facts, other: &Facts) -> Vec<u64> {
    let keys = one.keys.iter().filter(|(key, _)| !other.keys.contains_key(key));
    let mut lines: Vec<u64> = keys.map(|(_, line)| *line).collect();
    lines.sort_unstable();
    lines
}

fn images(group: &Group<'_>, findings: &mut Findings) {
    let files: Vec<&Facts> = group.of(FileKind::BaseImage).collect();
    let same = |name: &str, facts: &Facts| facts.file.eq_ignore_ascii_case(name);
    let Some(base) = group.of(FileKind::Base).next() else { return };
    for (image, line) in &base.images {
        if !files.iter().any(|facts| same(image, facts)) {
            let mut finding = Finding::new(Rule::ImageMissing, &base.file).at(*line);
            if let Some(item) = FileKind::Base.item("family_diagram_file_name") {
                finding = finding.item(item);
            }
            findings.push(finding);
        }
    }
    for facts in files {
        if !base.images.iter().any(|(image, _)| same(image, facts)) {
            findings.push(Finding::new(Rule::ImageUnused, &facts.file));
        }
    }
}
