//! A function behind API Gateway: it validates orders with regexes, sums them up by customer, sorts, and answers with JSON.

mod order;
mod summary;

use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_runtime::{Error, LambdaEvent};
use order::{Order, Rules};

fn main() -> Result<(), Error> {
    harness::main(|| {
        let rules = Rules::new();
        async move |event: LambdaEvent<ApiGatewayV2httpRequest>| handle(&rules, event.payload)
    })
}

fn handle(
    rules: &Rules,
    request: ApiGatewayV2httpRequest,
) -> Result<ApiGatewayV2httpResponse, Error> {
    let body = request.body.ok_or("the request has no body")?;
    let orders: Vec<Order> = serde_json::from_str(&body)?;
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = 200;
    response
        .headers
        .insert("content-type", "application/json".parse()?);
    response.body = Some(serde_json::to_string(&summary::summarize(rules, orders))?.into());
    Ok(response)
}
