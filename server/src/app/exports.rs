//! The declared exports of an organization, made to work.

use std::sync::Arc;

use delegation::{
    declared::{self, Declared},
    export::{Exports, Sink},
    org::Org,
};
use keys::DataKey;
use upstream::sinks::{SinkSettings, Workshop};

use super::Loaded;
use crate::apply::export::sealing_context;

/// An export that is ours to look after.
#[derive(Clone, Debug)]
pub struct Export {
    pub id: String,
    /// What is wrong with its settings: such an export is shown to fail, and the organization goes on.
    pub sink: Result<Arc<dyn Sink>, String>,
}

/// An export of a loaded organization, with what it takes to run it.
#[derive(Clone, Debug)]
pub struct Exported {
    pub org: Arc<Org>,
    pub export: Export,
    pub exports: Arc<dyn Exports>,
}

/// What exports are made with.
#[derive(Clone, Debug)]
pub(super) struct Exporter {
    pub(super) master: Arc<DataKey>,
    pub(super) workshop: Workshop,
}

impl Exporter {
    /// An export that has not changed keeps its sink.
    pub(super) fn exports(&self, org: &Declared, previous: Option<&Loaded>) -> Vec<Export> {
        let export = |declared: &declared::Export| {
            let kept = previous.filter(|previous| previous.declared.exports.contains(declared));
            let kept = kept.and_then(|previous| {
                previous.exports.iter().find(|export| export.id == declared.id)
            });
            kept.cloned().unwrap_or_else(|| Export {
                id: declared.id.clone(),
                sink: self.sink(&org.id, declared),
            })
        };
        org.exports.iter().map(export).collect()
    }

    fn sink(&self, org: &str, declared: &declared::Export) -> Result<Arc<dyn Sink>, String> {
        let opened = self.master.open(&sealing_context(org, &declared.id), &declared.settings);
        let json = opened.map_err(|e| format!("its sealed settings: {e}"))?;
        // What is wrong is not quoted: there are secrets in it.
        let settings: SinkSettings = serde_json::from_slice(&json)
            .map_err(|_| "its sealed settings cannot be read by this version")?;
        self.workshop.build(&settings)
    }
}
