// Crypto checks a signed token and the digest of the records, and answers with the records encrypted.
package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"example.com/bench/harness"
)

var key = []byte("a key that is known to everybody")

type request struct {
	Token   string   `json:"token"`
	Records []string `json:"records"`
}

type claims struct {
	SHA256 []byte `json:"sha256"`
}

func handle(_ context.Context, event request) ([][]byte, error) {
	parts := strings.Split(event.Token, ".")
	if len(parts) != 3 {
		return nil, errors.New("no token")
	}
	signature := hmac.New(sha256.New, key)
	signature.Write([]byte(parts[0] + "." + parts[1]))
	given, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(given, signature.Sum(nil)) {
		return nil, errors.New("the token is not ours")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	var claims claims
	if err := json.Unmarshal(text, &claims); err != nil {
		return nil, err
	}
	digest := sha256.New()
	for _, record := range event.Records {
		digest.Write([]byte(record))
	}
	if !hmac.Equal(digest.Sum(nil), claims.SHA256) {
		return nil, errors.New("the records are not those that were signed")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	sealer, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	sealed := make([][]byte, len(event.Records))
	for index, record := range event.Records {
		// The nonce is the index, so that all builds answer alike: this is no example of encryption.
		nonce := make([]byte, sealer.NonceSize())
		nonce[0], nonce[1] = byte(index), byte(index>>8)
		sealed[index] = sealer.Seal(nil, nonce, []byte(record), nil)
	}
	return sealed, nil
}

func main() {
	harness.Main(handle)
}
