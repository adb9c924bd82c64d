//! What the function answers: customers by what they spent, and the orders that were refused.

use crate::order::{Order, Rules};
use serde::Serialize;
use std::collections::HashMap;

#[derive(Serialize)]
pub(crate) struct Summary {
    customers: Vec<Customer>,
    rejected: Vec<Rejected>,
    cents: u64,
}

#[derive(Serialize, Default)]
struct Customer {
    name: String,
    email: String,
    cents: u64,
    items: u32,
    orders: Vec<Accepted>,
}

#[derive(Serialize)]
struct Accepted {
    id: String,
    placed: String,
    cents: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Serialize)]
struct Rejected {
    id: String,
    fields: Vec<String>,
}

pub(crate) fn summarize(rules: &Rules, orders: Vec<Order>) -> Summary {
    let mut customers: HashMap<String, Customer> = HashMap::new();
    let mut rejected = Vec::new();
    for order in orders {
        let fields = rules.broken(&order);
        if fields.is_empty() {
            let customer = customers.entry(order.customer.to_lowercase()).or_default();
            customer.add(order);
        } else {
            rejected.push(Rejected {
                id: order.id,
                fields,
            });
        }
    }
    let mut customers: Vec<Customer> = customers.into_values().collect();
    customers.sort_by(|a, b| b.cents.cmp(&a.cents).then_with(|| a.name.cmp(&b.name)));
    for customer in &mut customers {
        customer
            .orders
            .sort_by(|a, b| a.placed.cmp(&b.placed).then_with(|| a.id.cmp(&b.id)));
    }
    rejected.sort_by(|a, b| a.id.cmp(&b.id));
    Summary {
        cents: customers.iter().map(|customer| customer.cents).sum(),
        customers,
        rejected,
    }
}

impl Customer {
    fn add(&mut self, order: Order) {
        let cents = order
            .lines
            .iter()
            .map(|line| line.cents * u64::from(line.quantity))
            .sum();
        self.items += order.lines.iter().map(|line| line.quantity).sum::<u32>();
        self.cents += cents;
        if self.name.is_empty() {
            self.name = order.customer;
            self.email = order.email;
        }
        self.orders.push(Accepted {
            id: order.id,
            placed: order.placed,
            cents,
            note: order.note,
        });
    }
}
