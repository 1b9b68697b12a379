//! Exports of the audit trail: `[[exports]]`.

use std::collections::BTreeSet;

use delegation::declared::{Change, Declared, Export};
use keys::DataKey;
use toml::{Spanned, Table, Value};
use upstream::sinks::{self, SinkSettings};

use super::{
    check::{Checker, Desired},
    diff::{Diff, resealed},
    spec,
};

/// An export whose settings are not sealed yet.
#[derive(Debug)]
pub struct DesiredExport {
    pub id: String,
    pub settings: SinkSettings,
}

impl Checker<'_> {
    /// What each kind needs, `upstream` knows.
    pub(super) fn export(&mut self, entry: &Spanned<Table>) -> Option<DesiredExport> {
        let place = self.place(entry, "export");
        let mut table = entry.get_ref().clone();
        let Some(Value::String(id)) = table.remove("id") else {
            self.say(&place, "`id` is missing");
            return None;
        };
        // It is part of the ids of batches.
        self.take(&place, spec::org_id(&id).map_err(|e| format!("`id`: {e}")));
        let settings: SinkSettings = self.settings_of(&place, &format!("`{id}`"), &table)?;
        self.take(&place, sinks::validate(&settings));
        Some(DesiredExport { id, settings })
    }

    pub(super) fn repeated_exports(&mut self, exports: &[DesiredExport]) {
        let (mut ids, mut files) = (BTreeSet::new(), BTreeSet::new());
        for export in exports {
            if !ids.insert(&export.id) {
                self.say("exports", format!("two have the id `{}`", export.id));
            }
            if let SinkSettings::File(file) = &export.settings
                && !files.insert(&file.file)
            {
                self.say("exports", format!("two write to the file `{}`", file.file));
            }
        }
    }
}

/// Binds sealed settings to their export.
#[must_use]
pub fn sealing_context(org: &str, export: &str) -> String {
    format!("export:{org}:{export}")
}

pub(super) fn compare(
    diff: &mut Diff,
    current: &Declared,
    desired: &Desired,
    master: &DataKey,
) -> Result<(), String> {
    for wanted in &desired.exports {
        let (id, kind) = (&wanted.id, wanted.settings.kind());
        let context = sealing_context(&desired.id, id);
        let standing = current.exports.iter().find(|export| export.id == *id);
        let stored = standing.map(|standing| standing.settings.as_slice());
        let resealed = resealed(master, &context, &wanted.settings, stored);
        let broken = |fault| format!("the settings of export `{id}`: {fault}");
        if let Some(settings) = resealed.map_err(broken)? {
            let export = Export { id: id.clone(), kind: kind.to_owned(), settings };
            let what = format!("export {id} ({kind})");
            diff.put(standing.is_some(), &what, Change::PutExport(export));
        }
    }
    for gone in &current.exports {
        if !desired.exports.iter().any(|export| export.id == gone.id) {
            let what = format!("export {} (how far it was is forgotten, too)", gone.id);
            diff.drop(&what, Change::DropExport(gone.id.clone()));
        }
    }
    Ok(())
}
