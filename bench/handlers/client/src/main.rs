//! A function on the AWS SDK: it puts each item of its event into a DynamoDB table, then queries them all.
//!
//! The SDK serializes, signs, retries and parses as ever; only the wire is replaced, by a table in this process.

mod item;
mod table;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{Client, Config};
use item::Item;
use lambda_runtime::{Error, LambdaEvent};
use serde::{Deserialize, Serialize};
use table::Table;

#[derive(Deserialize, Debug)]
struct Request {
    owner: String,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Answer {
    count: i32,
    items: Vec<Item>,
}

fn main() -> Result<(), Error> {
    harness::main(|| {
        let client = client();
        async move |event: LambdaEvent<Request>| handle(&client, event.payload).await
    })
}

fn client() -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(Credentials::new("id", "secret", None, None, "bench"))
        .http_client(Table::default())
        .build();
    Client::from_conf(config)
}

async fn handle(client: &Client, request: Request) -> Result<Answer, Error> {
    for item in request.items {
        let attributes = item.into_attributes(&request.owner);
        client
            .put_item()
            .table_name("items")
            .set_item(Some(attributes))
            .send()
            .await?;
    }
    let found = client
        .query()
        .table_name("items")
        .key_condition_expression("#owner = :owner")
        .expression_attribute_names("#owner", "owner")
        .expression_attribute_values(":owner", AttributeValue::S(request.owner))
        .send()
        .await?;
    let items = found
        .items
        .unwrap_or_default()
        .into_iter()
        .map(Item::from_attributes)
        .collect::<Result<_, _>>()?;
    Ok(Answer {
        count: found.count,
        items,
    })
}
