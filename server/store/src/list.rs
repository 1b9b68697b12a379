//! Lists of short strings, kept as text with one item per line.

use delegation::refusal::Fault;

/// # Errors
/// When an item is empty or has more than one line: it would not come back as the same list.
pub(crate) fn write(items: &[String]) -> Result<String, Fault> {
    match items.iter().find(|item| item.is_empty() || item.contains('\n')) {
        Some(item) => Err(Fault::Store(format!("`{}` cannot be in a list", item.escape_debug()))),
        None => Ok(items.join("\n")),
    }
}

pub(crate) fn read(text: &str) -> Vec<String> {
    text.split('\n').filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was() {
        for items in [vec![], vec!["a"], vec!["https://b.example/c d", "e"]] {
            let items: Vec<String> = items.into_iter().map(str::to_owned).collect();
            assert_eq!(read(&write(&items).unwrap()), items);
        }
    }

    #[test]
    fn refuses_an_item_that_would_come_back_as_two() {
        assert!(write(&["a\nb".to_owned()]).is_err());
    }

    #[test]
    fn refuses_an_empty_item() {
        assert!(write(&[String::new()]).is_err());
    }
}
