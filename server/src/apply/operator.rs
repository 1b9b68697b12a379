//! Operators: who may look and act by the admin API.

use delegation::{declared::Operator, operator::Power};
use toml::Spanned;

use super::{
    check::Checker,
    spec::{self, OperatorEntry},
};

impl Checker<'_> {
    pub(super) fn operator(&mut self, entry: &Spanned<OperatorEntry>) -> Operator {
        let place = self.place(entry, "operator");
        let entry = entry.get_ref();
        self.take(&place, spec::name(&entry.id));
        if entry.powers.is_empty() {
            self.say(&place, "`powers`: an operator without any can do nothing");
        }
        for power in entry.powers.iter().filter(|power| Power::read(power).is_none()) {
            let known = Power::ALL.map(Power::code).join("`, `");
            self.say(&place, format!("`powers`: `{power}` is none of `{known}`"));
        }
        let mut powers = entry.powers.clone();
        powers.sort_unstable();
        powers.dedup();
        Operator {
            id: entry.id.clone(),
            name: entry.name.clone().unwrap_or_else(|| entry.id.clone()),
            powers,
            secrets: Vec::new(),
        }
    }
}
