// Command keyring writes two Cosmos keyrings with throw-away keys, with the SDK's own code:
//
//	go run ./keyring DIR
//
// makes DIR/keyring-test and DIR/keyring-file. They are kept in tests/fixtures/keyring, where the tests of the Rust
// reader find them; the keys below are of no use anywhere else.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/codec/types"
	cryptocodec "github.com/cosmos/cosmos-sdk/crypto/codec"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
)

// The passphrase of the keyring of kind `file`.
const passphrase = "correct horse battery staple"

var keys = map[string]string{
	"supplier-1":   "2208f22a189d84f064bbc0798d052ddd32cee33c5a282f167e4e628ab7195c90",
	"pool/two, b%": "e61f54e5360a2f326080d66b1d0370dfbbdfc77a69114c69c268d76caa272ed4",
}

func main() {
	for _, backend := range []string{keyring.BackendTest, keyring.BackendFile} {
		if err := write(os.Args[1], backend); err != nil {
			fmt.Fprintln(os.Stderr, "keyring:", err)
			os.Exit(1)
		}
	}
}

func write(dir, backend string) error {
	registry := types.NewInterfaceRegistry()
	cryptocodec.RegisterInterfaces(registry)
	answers := strings.NewReader(strings.Repeat(passphrase+"\n", 20))
	ring, err := keyring.New("pocket", backend, dir, answers, codec.NewProtoCodec(registry))
	if err != nil {
		return err
	}
	for name, key := range keys {
		if err := ring.ImportPrivKeyHex(name, key, "secp256k1"); err != nil {
			return err
		}
	}
	// A public key alone, which signs nothing.
	_, err = ring.SaveOfflineKey("only-watched", secp256k1.GenPrivKeyFromSecret([]byte("watched")).PubKey())
	return err
}
