//! An item of the event, to and from the attributes that DynamoDB knows.

use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::Error;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

#[derive(Deserialize, Serialize, Debug)]
pub(crate) struct Item {
    id: String,
    price: f64,
    stocked: bool,
    tags: Vec<String>,
    /// Sorted, so that the answer is the same each time.
    texts: BTreeMap<String, String>,
}

impl Item {
    pub(crate) fn into_attributes(self, owner: &str) -> HashMap<String, AttributeValue> {
        let texts = self
            .texts
            .into_iter()
            .map(|(name, text)| (name, AttributeValue::S(text)))
            .collect();
        HashMap::from([
            ("owner".to_owned(), AttributeValue::S(owner.to_owned())),
            ("id".to_owned(), AttributeValue::S(self.id)),
            (
                "price".to_owned(),
                AttributeValue::N(self.price.to_string()),
            ),
            ("stocked".to_owned(), AttributeValue::Bool(self.stocked)),
            (
                "tags".to_owned(),
                AttributeValue::L(self.tags.into_iter().map(AttributeValue::S).collect()),
            ),
            ("texts".to_owned(), AttributeValue::M(texts)),
        ])
    }

    pub(crate) fn from_attributes(
        mut attributes: HashMap<String, AttributeValue>,
    ) -> Result<Self, Error> {
        let mut take = |name: &str| {
            attributes
                .remove(name)
                .ok_or_else(|| format!("the item has no `{name}`"))
        };
        Ok(Self {
            id: string(take("id")?)?,
            price: take("price")?.as_n().map_err(unexpected)?.parse()?,
            stocked: *take("stocked")?.as_bool().map_err(unexpected)?,
            tags: match take("tags")? {
                AttributeValue::L(tags) => {
                    tags.into_iter().map(string).collect::<Result<_, _>>()?
                }
                other => return Err(unexpected(&other)),
            },
            texts: match take("texts")? {
                AttributeValue::M(texts) => texts
                    .into_iter()
                    .map(|(name, text)| Ok((name, string(text)?)))
                    .collect::<Result<_, Error>>()?,
                other => return Err(unexpected(&other)),
            },
        })
    }
}

fn string(value: AttributeValue) -> Result<String, Error> {
    match value {
        AttributeValue::S(string) => Ok(string),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(value: &AttributeValue) -> Error {
    format!("an attribute has an unexpected type: {value:?}").into()
}
