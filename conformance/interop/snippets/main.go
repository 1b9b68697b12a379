// Runs the README's snippet: ISSUER AUDIENCE TOKEN.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	claims, err := verify(context.Background(), os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(claims)
}
