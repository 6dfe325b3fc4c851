// Command chain-testbed runs a real, single-validator Pocket Network chain on loopback, for tests.
//
//	chain-testbed init  --home DIR --genesis-spec FILE
//	chain-testbed start --home DIR [--block-time 300ms] [--memory] [--paused]
//
// The chain is the published module github.com/pokt-network/poktroll, used as a library.
// See README.md for the specification format and the control endpoint.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/pokt-network/poktroll/app"
)

func main() {
	configureSDK()
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "chain-testbed:", err)
		os.Exit(1)
	}
}

// configureSDK sets the address prefixes, which the SDK keeps in a global.
func configureSDK() {
	config := sdk.GetConfig()
	for _, set := range []struct {
		f      func(string, string)
		suffix string
	}{
		{config.SetBech32PrefixForAccount, ""},
		{config.SetBech32PrefixForValidator, "valoper"},
		{config.SetBech32PrefixForConsensusNode, "valcons"},
	} {
		prefix := app.AccountAddressPrefix + set.suffix
		set.f(prefix, prefix+"pub")
	}
	config.Seal()
}

func command(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: chain-testbed init|start --home DIR ...")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	home := flags.String("home", "", "directory of the chain (required)")
	parse := func() error {
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		if *home == "" || flags.NArg() > 0 {
			return fmt.Errorf("--home is required, and flags are all it takes")
		}
		absolute, err := filepath.Abs(*home)
		*home = absolute
		return err
	}
	switch args[0] {
	case "init":
		path := flags.String("genesis-spec", "", "YAML file (required)")
		if err := parse(); err != nil {
			return err
		}
		spec, err := loadSpec(*path)
		if err != nil {
			return err
		}
		tb, err := initHome(*home, spec)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(tb)
	case "start":
		var opts startOptions
		flags.StringVar(&opts.rpc, "rpc", "127.0.0.1:0", "CometBFT RPC address, port 0 = free")
		flags.StringVar(&opts.grpc, "grpc", "127.0.0.1:0", "gRPC address, port 0 = free")
		flags.StringVar(&opts.control, "control", "127.0.0.1:0", "control address, port 0 = free")
		flags.DurationVar(&opts.blockTime, "block-time", 0, "pace of the chain (default: the spec's block_time)")
		flags.BoolVar(&opts.paused, "paused", false, "make one block, then wait for SIGUSR2 or the control endpoint")
		flags.BoolVar(&opts.memory, "memory", false, "keep the chain in memory; every start begins at genesis")
		flags.BoolVar(&opts.stdinGuard, "stdin-guard", false, "stop when standard input ends, so that no chain outlives a killed test")
		flags.StringVar(&opts.pruning, "pruning", "nothing", "state pruning: nothing, default or everything")
		flags.IntVar(&opts.mempoolTxs, "mempool-txs", defaultMempoolTxs, "transactions that the mempool holds at most")
		flags.IntVar(&opts.maxTxBytes, "max-tx-bytes", maxMessage, "bytes of one transaction that the mempool takes")
		flags.StringVar(&opts.minGasPrices, "min-gas-prices", "", "lowest gas price, a coin string (default: the spec's min_gas_prices)")
		flags.StringVar(&opts.logLevel, "log-level", "fatal", "log level (stderr)")
		if err := parse(); err != nil {
			return err
		}
		opts.home = *home
		return run(opts)
	}
	return fmt.Errorf("unknown command %q", args[0])
}
