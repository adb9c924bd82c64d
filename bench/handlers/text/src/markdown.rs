//! CSV to Markdown: a table of all articles, then each article.

use lambda_runtime::Error;
use serde::Deserialize;
use std::fmt::Write;

#[derive(Deserialize)]
struct Article {
    title: String,
    author: String,
    published: String,
    score: f64,
    text: String,
}

pub(crate) fn write(title: &str, csv: &str) -> Result<String, Error> {
    let mut articles = csv::Reader::from_reader(csv.as_bytes())
        .deserialize()
        .collect::<Result<Vec<Article>, _>>()?;
    articles.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| a.title.cmp(&b.title))
    });
    let mut page =
        format!("# {title}\n\n| title | author | published | score |\n|---|---|---|--:|\n");
    for article in &articles {
        let Article {
            title,
            author,
            published,
            score,
            ..
        } = article;
        writeln!(page, "| {title} | {author} | {published} | {score:.1} |")?;
    }
    for Article {
        title,
        author,
        published,
        text,
        ..
    } in &articles
    {
        write!(page, "\n## {title}\n\n*{author}*, {published}\n\n{text}\n")?;
    }
    Ok(page)
}
