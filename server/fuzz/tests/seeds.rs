//! Every target on its seeds and on thousands of mutations of them: the same ones at every run, on any
//! compiler. What is guided by coverage is in `libfuzzer/`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use fuzz::TARGETS;

/// For each target; a token that is signed for each takes a quarter of a millisecond unoptimised.
const MUTATIONS: usize = 1_000;
/// Longer than any limit of a parser here would only be refused sooner.
const LONGEST: usize = 20 * 1024;

/// Numbers that are the same at every run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(drawn).unwrap() % sides.max(1)
    }
}

#[test]
fn every_target_holds_on_its_seeds_and_what_becomes_of_them() {
    let words = words();
    for target in TARGETS {
        let seeds = seeds(target.name);
        let try_on = |data: &[u8]| {
            let result = catch_unwind(AssertUnwindSafe(|| (target.run)(data)));
            assert!(result.is_ok(), "{}: {:?}", target.name, String::from_utf8_lossy(data));
        };
        for seed in &seeds {
            try_on(seed);
        }
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
        for _ in 0..MUTATIONS {
            let mut data = seeds.get(dice.below(seeds.len())).unwrap().clone();
            for _ in 0..=dice.below(4) {
                mutate(&mut data, &mut dice, (&seeds, &words));
            }
            try_on(&data);
        }
    }
}

fn mutate(data: &mut Vec<u8>, dice: &mut Dice, (seeds, words): (&[Vec<u8>], &[Vec<u8>])) {
    let at = dice.below(data.len() + 1);
    let end = at + dice.below(data.len() + 1 - at);
    let byte = u8::try_from(dice.below(256)).unwrap();
    match dice.below(8) {
        0 => data.insert(at, byte),
        1 => drop(data.drain(at..end)),
        2 => data.iter_mut().skip(at).take(1).for_each(|old| *old ^= 1 << (byte % 8)),
        3 => data.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
        4 => {
            let piece = data.get(at..end).unwrap().to_vec();
            data.splice(at..at, piece);
        }
        5 | 6 => {
            let word = words.get(dice.below(words.len())).unwrap().clone();
            data.splice(at..at, word);
        }
        _ => {
            let other = seeds.get(dice.below(seeds.len())).unwrap();
            let from = dice.below(other.len() + 1);
            data.truncate(at);
            data.extend_from_slice(other.get(from..).unwrap());
        }
    }
    data.truncate(LONGEST);
}

#[test]
fn every_target_has_seeds_and_a_binary_and_nothing_else_has() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(targets.len(), TARGETS.len(), "a name is of one target");
    let listed = |dir: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(home().join(dir)).unwrap();
        let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        entries.map(|entry| stem(entry.unwrap().path())).collect()
    };
    assert_eq!(targets, listed("corpora"));
    assert_eq!(targets, listed("libfuzzer/fuzz_targets"));
    let manifest = fs::read_to_string(home().join("libfuzzer/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let bins = manifest["bin"].as_array().unwrap().iter();
    assert_eq!(targets, bins.map(|bin| bin["name"].as_str().unwrap().to_owned()).collect());
}

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let dir = home().join("corpora").join(target);
    let mut files: Vec<_> = fs::read_dir(&dir).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no seeds");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// The dictionary of libFuzzer, of which only the plain part is used: text in quotes, `\"` and `\\`.
fn words() -> Vec<Vec<u8>> {
    let text = fs::read_to_string(home().join("words.dict")).unwrap();
    let word = |line: &str| {
        let word = line.strip_prefix('"')?.strip_suffix('"')?;
        Some(word.replace("\\\"", "\"").replace("\\\\", "\\").into_bytes())
    };
    text.lines().filter_map(word).collect()
}
