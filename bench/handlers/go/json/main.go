// Json is a function behind API Gateway: it validates orders with regexes, sums them up by customer, sorts, and answers.
package main

import (
	"context"
	"encoding/json"
	"regexp"
	"sort"
	"strings"

	"example.com/bench/harness"
	"github.com/aws/aws-lambda-go/events"
)

var (
	email = regexp.MustCompile(`^[a-z.]+@[a-z]+\.[a-z]{2,}$`)
	phone = regexp.MustCompile(`^\+[0-9]{1,2}( [0-9]{3,4}){2}$`)
	sku   = regexp.MustCompile(`^[A-Z]{3}-[0-9]{4}$`)
)

type order struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Email    string `json:"email"`
	Phone    string `json:"phone"`
	Placed   string `json:"placed"`
	Note     string `json:"note,omitempty"`
	Lines    []struct {
		SKU      string `json:"sku"`
		Quantity int64  `json:"quantity"`
		Cents    int64  `json:"cents"`
	} `json:"lines"`
}

type customer struct {
	Name   string   `json:"name"`
	Cents  int64    `json:"cents"`
	Orders []string `json:"orders"`
	Notes  []string `json:"notes"`
}

func valid(order *order) bool {
	for _, line := range order.Lines {
		if !sku.MatchString(line.SKU) {
			return false
		}
	}
	return email.MatchString(order.Email) && phone.MatchString(order.Phone)
}

func handle(_ context.Context, request events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	var orders []order
	if err := json.Unmarshal([]byte(request.Body), &orders); err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	customers := map[string]*customer{}
	refused := []string{}
	for index := range orders {
		order := &orders[index]
		if !valid(order) {
			refused = append(refused, order.ID)
			continue
		}
		sum := customers[order.Customer]
		if sum == nil {
			sum = &customer{Name: order.Customer}
			customers[order.Customer] = sum
		}
		for _, line := range order.Lines {
			sum.Cents += line.Cents * line.Quantity
		}
		sum.Orders = append(sum.Orders, order.ID)
		if order.Note != "" {
			sum.Notes = append(sum.Notes, strings.ToUpper(order.Note[:1])+order.Note[1:])
		}
	}
	sorted := make([]*customer, 0, len(customers))
	for _, customer := range customers {
		sorted = append(sorted, customer)
	}
	sort.Slice(sorted, func(i, j int) bool {
		return sorted[i].Cents > sorted[j].Cents || sorted[i].Cents == sorted[j].Cents && sorted[i].Name < sorted[j].Name
	})
	body, err := json.Marshal(map[string]any{"customers": sorted, "refused": refused})
	headers := map[string]string{"content-type": "application/json"}
	return events.APIGatewayV2HTTPResponse{StatusCode: 200, Headers: headers, Body: string(body)}, err
}

func main() {
	harness.Main(handle)
}
