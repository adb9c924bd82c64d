//! An order as it comes in, and the rules that its fields must keep.

use regex::Regex;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) customer: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) placed: String,
    pub(crate) note: Option<String>,
    pub(crate) lines: Vec<Line>,
}

#[derive(Deserialize)]
pub(crate) struct Line {
    pub(crate) sku: String,
    pub(crate) quantity: u32,
    pub(crate) cents: u64,
}

/// Compiled once per instance.
pub(crate) struct Rules {
    id: Regex,
    email: Regex,
    phone: Regex,
    placed: Regex,
    sku: Regex,
}

impl Rules {
    pub(crate) fn new() -> Self {
        let compile = |pattern| Regex::new(pattern).expect("the pattern is a constant");
        Self {
            id: compile(r"^ord_[0-9a-f]{12}$"),
            email: compile(r"^[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}$"),
            phone: compile(r"^\+[1-9]\d{0,2}(?: ?\d{2,4}){2,4}$"),
            placed: compile(
                r"^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$",
            ),
            sku: compile(r"^[A-Z]{3}-\d{4}(?:-(?:S|M|L|XL))?$"),
        }
    }

    /// The names of the fields that break a rule.
    pub(crate) fn broken(&self, order: &Order) -> Vec<String> {
        let fields = [
            ("id", &self.id, &order.id),
            ("email", &self.email, &order.email),
            ("phone", &self.phone, &order.phone),
            ("placed", &self.placed, &order.placed),
        ];
        let mut broken: Vec<String> = fields
            .iter()
            .filter(|(_, rule, value)| !rule.is_match(value))
            .map(|(name, ..)| (*name).to_owned())
            .collect();
        let lines = order
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| !self.sku.is_match(&line.sku));
        broken.extend(lines.map(|(index, _)| format!("lines[{index}].sku")));
        broken
    }
}
