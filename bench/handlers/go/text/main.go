// Text reads articles from CSV, makes a page of them, and compresses it.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"html"
	"strings"

	"example.com/bench/harness"
)

type request struct {
	Title string `json:"title"`
	Body  string `json:"body"`
}

type response struct {
	Bytes []byte `json:"bytes"`
	Words int    `json:"words"`
}

func handle(_ context.Context, event request) (response, error) {
	rows, err := csv.NewReader(strings.NewReader(event.Body)).ReadAll()
	if err != nil {
		return response{}, err
	}
	var page, compressed bytes.Buffer
	words := 0
	page.WriteString("<h1>" + html.EscapeString(event.Title) + "</h1>")
	for _, row := range rows[1:] {
		page.WriteString("<h2>" + html.EscapeString(row[0]) + "</h2><p class=by>" + html.EscapeString(row[1]) + "</p>")
		for _, paragraph := range strings.Split(row[4], "\n\n") {
			words += len(strings.Fields(paragraph))
			page.WriteString("<p>" + html.EscapeString(strings.ReplaceAll(paragraph, "**", "")) + "</p>")
		}
	}
	writer := gzip.NewWriter(&compressed)
	if _, err := writer.Write(page.Bytes()); err != nil {
		return response{}, err
	}
	err = writer.Close()
	return response{compressed.Bytes(), words}, err
}

func main() {
	harness.Main(handle)
}
