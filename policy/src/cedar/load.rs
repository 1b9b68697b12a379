//! From files to an engine: parse, validate, name, sort. Everything wrong is reported at once.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    thread,
};

use cedar_policy::{
    Authorizer, Effect, Entities, EntityId, EntityTypeName, EntityUid, Policy, PolicyId, PolicySet,
    PrincipalConstraint, ResourceConstraint, Schema, ValidationMode, Validator, ffi::DetailedError,
};

use crate::StepUp;

use super::{
    Engine, PolicyError, PolicyFile, Remedies, Slice,
    depth::{self, blank},
    place::Place,
    remedy,
};

/// The most files and policies of one organization, and the most bytes of one file.
const MAX_FILES: usize = 100;
const MAX_POLICIES: usize = 1_000;
const MAX_FILE_LENGTH: usize = 64 * 1024;

/// The longest name of a file or a policy: they stand in every audit event.
pub(super) const MAX_NAME_LENGTH: usize = 100;

/// Ours, so that nobody can pass for a built-in policy.
const RESERVED_PREFIX: &str = "actas:";

/// The engine over all policies of `files`; none when there is no policy.
pub(super) fn load(files: &[PolicyFile]) -> Result<Option<Engine>, Vec<PolicyError>> {
    let errors = unreadable(files);
    if !errors.is_empty() {
        return Err(errors);
    }
    let Some(file) = files.first() else { return Ok(None) };
    // A thread of its own for the sake of its stack alone; see `depth`.
    thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(depth::STACK);
        reader.spawn_scoped(scope, || read(files)).map(thread::ScopedJoinHandle::join)
    })
    .unwrap_or_else(|error| {
        let message = format!("no thread to read policies on: {error}");
        Ok(Err(vec![Place { file, offset: 0 }.error(message)]))
    })
    .unwrap_or_else(|_| Err(vec![Place { file, offset: 0 }.error("reading policies panicked")]))
}

fn read(files: &[PolicyFile]) -> Result<Option<Engine>, Vec<PolicyError>> {
    let vocabulary = vocabulary().map_err(|error| vec![error])?;
    let mut errors = Vec::new();
    let mut policies = Vec::new();
    for file in files {
        policies.extend(parse(file, &mut errors));
    }
    errors.extend(invalid(&vocabulary.schema, &policies));
    let named = named(policies, &mut errors);
    let step_ups = remedy::step_ups(&named, &mut errors);
    if !errors.is_empty() {
        let order = |error: &PolicyError| files.iter().position(|file| file.name == error.file);
        errors.sort_by_key(|error| (order(error), error.line, error.column));
        errors.dedup();
        return Err(errors);
    }
    if named.is_empty() {
        return Ok(None);
    }
    engine(vocabulary, named, step_ups).map(Some)
}

/// What must be right before a file is even parsed, so that ids are unique and work is bounded.
fn unreadable(files: &[PolicyFile]) -> Vec<PolicyError> {
    let mut errors = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let start = Place { file, offset: 0 };
        if index == MAX_FILES {
            errors.push(start.error(format!("there are more than {MAX_FILES} files")));
            break;
        }
        if let Some(fault) = fault_in_name(&file.name) {
            errors.push(start.error(format!("the name of a file {fault}")));
        }
        if files.iter().take(index).any(|earlier| earlier.name == file.name) {
            errors.push(start.error("another file has the same name"));
        }
        if MAX_FILE_LENGTH < file.text.len() {
            errors.push(start.error(format!("the file is longer than {MAX_FILE_LENGTH} bytes")));
        } else if let Some((offset, excess)) = depth::excess(&file.text) {
            errors.push(Place { file, offset }.error(excess));
        }
    }
    errors
}

fn fault_in_name(name: &str) -> Option<String> {
    if !(1..=MAX_NAME_LENGTH).contains(&name.len()) || !name.bytes().all(|b| b.is_ascii_graphic()) {
        return Some(format!(
            "must have 1 to {MAX_NAME_LENGTH} visible ASCII characters, without spaces"
        ));
    }
    name.starts_with(RESERVED_PREFIX).then(|| format!("must not begin with `{RESERVED_PREFIX}`"))
}

/// The policies of a file under the id `file#N`, in order, each with the place where it begins.
fn parse<'a>(file: &'a PolicyFile, errors: &mut Vec<PolicyError>) -> Vec<(Place<'a>, Policy)> {
    let set: PolicySet = match file.text.parse() {
        Ok(set) => set,
        Err(found) => {
            let found: cedar_policy::ParseErrors = found;
            let start = Place { file, offset: 0 };
            errors.extend(found.iter().map(|error| start.explain(&DetailedError::from(error))));
            return Vec::new();
        }
    };
    let mut policies = Vec::new();
    let mut offset = 0;
    for index in 0..set.num_of_policies() + set.num_of_templates() {
        // Cedar numbers the policies of a text in their order.
        let id = PolicyId::new(format!("policy{index}"));
        offset += blank(file.text.get(offset..).unwrap_or(""));
        let place = Place { file, offset };
        if let Some(policy) = set.policy(&id) {
            offset += policy.to_string().len();
            let id = PolicyId::new(format!("{}#{}", file.name, index + 1));
            policies.push((place, policy.new_id(id)));
        } else if let Some(template) = set.template(&id) {
            offset += template.to_string().len();
            errors.push(place.error("this is a template; name the principal and the resource"));
        }
    }
    policies
}

/// What Cedar's validator says in strict mode. Its warnings count: a policy that can never apply,
/// or that reads like another, protects nothing.
fn invalid(schema: &Schema, policies: &[(Place<'_>, Policy)]) -> Vec<PolicyError> {
    let places: HashMap<&PolicyId, Place<'_>> =
        policies.iter().map(|(place, policy)| (policy.id(), *place)).collect();
    let mut errors = Vec::new();
    if MAX_POLICIES < policies.len() {
        errors.extend(
            policies.get(MAX_POLICIES).map(|(place, _)| {
                place.error(format!("there are more than {MAX_POLICIES} policies"))
            }),
        );
        return errors;
    }
    let set = match PolicySet::from_policies(policies.iter().map(|(_, policy)| policy.clone())) {
        Ok(set) => set,
        Err(error) => {
            let error = DetailedError::from(&error);
            return policies.first().map(|(place, _)| place.explain(&error)).into_iter().collect();
        }
    };
    let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
    let mut found: Vec<(&PolicyId, DetailedError)> =
        result.validation_errors().map(|error| (error.policy_id(), error.into())).collect();
    let faulty: HashSet<&PolicyId> = found.iter().map(|(id, _)| *id).collect();
    // Of a policy with an error, the warning that it can never apply says nothing new.
    let warnings =
        result.validation_warnings().filter(|warning| !faulty.contains(warning.policy_id()));
    found.extend(warnings.map(|warning| (warning.policy_id(), warning.into())));
    errors.extend(found.iter().filter_map(|(id, error)| Some(places.get(id)?.explain(error))));
    errors
}

/// The policies under the ids they are reported by.
fn named<'a>(
    policies: Vec<(Place<'a>, Policy)>,
    errors: &mut Vec<PolicyError>,
) -> Vec<(Place<'a>, Policy)> {
    let mut places: HashMap<String, Place<'a>> = HashMap::new();
    let mut named = Vec::new();
    for (place, policy) in policies {
        let id = match policy.annotation("id") {
            None => policy.id().to_string(),
            Some(id) => {
                if let Some(fault) = fault_in_name(id) {
                    errors.push(place.error(format!("the annotation `@id` {fault}")));
                }
                id.to_owned()
            }
        };
        if let Some(other) = places.get(&id) {
            errors.push(place.error(format!("the id `{id}` is already that of {other}")));
        }
        named.push((place, policy.new_id(PolicyId::new(&id))));
        places.insert(id, place);
    }
    named
}

/// The schema, and the names in it that a question needs.
struct Vocabulary {
    schema: Schema,
    agent: EntityTypeName,
    target: EntityTypeName,
    exchange: EntityUid,
}

fn vocabulary() -> Result<Vocabulary, PolicyError> {
    let file = PolicyFile {
        name: "schema.cedarschema".to_owned(),
        text: include_str!("../../schema.cedarschema").to_owned(),
    };
    let start = Place { file: &file, offset: 0 };
    let (schema, _) = Schema::from_cedarschema_str(&file.text)
        .map_err(|error| start.explain(&DetailedError::from(&error)))?;
    let entity_type = |name: &str| {
        name.parse::<EntityTypeName>().map_err(|error| start.explain(&DetailedError::from(&error)))
    };
    let exchange =
        EntityUid::from_type_name_and_id(entity_type("Action")?, EntityId::new("exchange"));
    Ok(Vocabulary {
        schema,
        agent: entity_type("Agent")?,
        target: entity_type("Target")?,
        exchange,
    })
}

fn engine(
    vocabulary: Vocabulary,
    policies: Vec<(Place<'_>, Policy)>,
    step_ups: Vec<(String, StepUp)>,
) -> Result<Engine, Vec<PolicyError>> {
    let Vocabulary { agent, target, exchange, .. } = vocabulary;
    let permits = policies.iter().any(|(_, policy)| policy.effect() == Effect::Permit);
    let helped: HashSet<&str> = step_ups.iter().map(|(id, _)| id.as_str()).collect();
    let others = if helped.is_empty() {
        Vec::new()
    } else {
        let id = |policy: &Policy| policy.id().to_string();
        let other = |(_, policy): &&(Place<'_>, Policy)| !helped.contains(id(policy).as_str());
        sliced(policies.iter().filter(other).cloned())?
    };
    let slices = sliced(policies)?;
    let remedies = Remedies { step_ups, others };
    let (authorizer, entities) = (Authorizer::new(), Entities::empty());
    Ok(Engine { authorizer, entities, agent, target, exchange, permits, slices, remedies })
}

fn sliced<'a>(
    policies: impl IntoIterator<Item = (Place<'a>, Policy)>,
) -> Result<Vec<Slice>, Vec<PolicyError>> {
    let mut slices: BTreeMap<_, PolicySet> = BTreeMap::new();
    for (place, policy) in policies {
        let slice = slices.entry(head(&policy)).or_default();
        slice.add(policy).map_err(|error| vec![place.explain(&DetailedError::from(&error))])?;
    }
    let slice = |((agent, target), policies)| Slice { agent, target, policies };
    Ok(slices.into_iter().map(slice).collect())
}

/// The agent and the target that the head of a policy names.
fn head(policy: &Policy) -> (Option<String>, Option<String>) {
    let agent = match policy.principal_constraint() {
        PrincipalConstraint::Eq(agent) => Some(agent.id().unescaped().to_owned()),
        PrincipalConstraint::Any
        | PrincipalConstraint::In(_)
        | PrincipalConstraint::Is(_)
        | PrincipalConstraint::IsIn(..) => None,
    };
    let target = match policy.resource_constraint() {
        ResourceConstraint::Eq(target) => Some(target.id().unescaped().to_owned()),
        ResourceConstraint::Any
        | ResourceConstraint::In(_)
        | ResourceConstraint::Is(_)
        | ResourceConstraint::IsIn(..) => None,
    };
    (agent, target)
}
