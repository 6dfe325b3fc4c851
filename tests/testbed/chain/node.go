package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"cosmossdk.io/log"
	cmtdb "github.com/cometbft/cometbft-db"
	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/rpc/client/local"
	rpcserver "github.com/cometbft/cometbft/rpc/jsonrpc/server"
	cmttypes "github.com/cometbft/cometbft/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/server"
	serverconfig "github.com/cosmos/cosmos-sdk/server/config"
	servergrpc "github.com/cosmos/cosmos-sdk/server/grpc"
	servercmtlog "github.com/cosmos/cosmos-sdk/server/log"
	sdkmodule "github.com/cosmos/cosmos-sdk/types/module"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"
	"github.com/rs/zerolog"

	"github.com/pokt-network/poktroll/app"
)

func configFile(home, name string) string { return filepath.Join(home, "config", name) }
func genesisFile(home string) string      { return configFile(home, "genesis.json") }
func privValKeyFile(home string) string   { return configFile(home, "priv_validator_key.json") }
func nodeKeyFile(home string) string      { return configFile(home, "node_key.json") }
func privValStateFile(home string) string {
	return filepath.Join(home, "data", "priv_validator_state.json")
}

// maxMessage bounds request bodies, transactions and gRPC messages; what the chain's localnet uses.
const maxMessage = 100_000_000

// defaultMempoolTxs is more than any test sends at once.
const defaultMempoolTxs = 100_000

// startOptions are the flags of `start`.
type startOptions struct {
	home               string
	rpc, grpc, control string // host:port, port 0 = free
	blockTime          time.Duration
	paused, memory     bool
	stdinGuard         bool
	logLevel, pruning  string

	// What an operator of a real node sets in config.toml and app.toml; a restart in the same home may change them.
	mempoolTxs   int    // transactions that wait for a block at most
	maxTxBytes   int    // size of one transaction that the mempool takes
	minGasPrices string // default: the spec's
}

// Ready is the line that `start` prints once the first block of this run is committed.
type Ready struct {
	RPC     string `json:"rpc"`
	GRPC    string `json:"grpc"`
	Control string `json:"control"`
	ChainID string `json:"chain_id"`
	Home    string `json:"home"`
	Height  int64  `json:"height"`
	PID     int    `json:"pid"`
}

// appOptions is what an app.toml would hold.
type appOptions map[string]any

// Get implements servertypes.AppOptions.
func (o appOptions) Get(key string) any { return o[key] }

// newApp makes the chain's application over db, with the settings that its localnet gives it.
func newApp(logger log.Logger, db dbm.DB, home, chainID, minGasPrices, pruning string, mempoolTxs int) (*app.App, error) {
	options := appOptions{
		flags.FlagHome:                    home,
		flags.FlagChainID:                 chainID,
		server.FlagMinGasPrices:           minGasPrices,
		server.FlagPruning:                pruning,
		server.FlagMempoolMaxTxs:          mempoolTxs,
		server.FlagInterBlockCache:        true,
		server.FlagIAVLCacheSize:          100_000,
		"x-crisis-skip-assert-invariants": true,
	}
	return app.New(logger, db, nil, true, options, server.DefaultBaseappOptions(options)...)
}

// scratchApp is an application for its codec and default genesis only.
func scratchApp(chainID string) (*app.App, error) {
	dir, err := os.MkdirTemp("", "chain-testbed-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return newApp(log.NewNopLogger(), dbm.NewMemDB(), dir, chainID, "", "nothing", defaultMempoolTxs)
}

// validateGenesis asks every module whether it accepts its genesis state.
func validateGenesis(a *app.App, state map[string]json.RawMessage) error {
	for name, mod := range a.ModuleManager.Modules {
		basic, ok := mod.(sdkmodule.HasGenesisBasics)
		if !ok || state[name] == nil {
			continue
		}
		if err := basic.ValidateGenesis(a.AppCodec(), a.TxConfig(), state[name]); err != nil {
			return fmt.Errorf("genesis of module %s: %w", name, err)
		}
	}
	return nil
}

// cometConfig is CometBFT's configuration for a single validator that the Pacer drives.
func cometConfig(opts startOptions) *cmtcfg.Config {
	cfg := cmtcfg.DefaultConfig()
	cfg.SetRoot(opts.home)
	cfg.Moniker = validatorName
	cfg.RPC.ListenAddress = "" // served by us, on listeners of our own
	cfg.RPC.MaxBodyBytes = maxMessage
	cfg.Mempool.Size = opts.mempoolTxs
	cfg.Mempool.MaxTxBytes = opts.maxTxBytes
	cfg.P2P.ListenAddress = "tcp://127.0.0.1:0"
	cfg.P2P.PexReactor = false
	cfg.Instrumentation.Prometheus = false
	// The pacer holds a proposal back as long as it likes, so no round may time out, and no commit may wait.
	const never = 10_000 * time.Hour
	cfg.Consensus.TimeoutPropose, cfg.Consensus.TimeoutPrevote, cfg.Consensus.TimeoutPrecommit = never, never, never
	cfg.Consensus.TimeoutCommit, cfg.Consensus.SkipTimeoutCommit = 0, true
	return cfg
}

// run starts the node, prints Ready and returns after SIGTERM or SIGINT.
func run(opts startOptions) (err error) {
	tb, err := loadTestbed(opts.home)
	if err != nil {
		return err
	}
	if opts.blockTime == 0 {
		opts.blockTime = tb.BlockTime
	}
	if opts.minGasPrices != "" {
		tb.MinGasPrices = opts.minGasPrices // of this run only: testbed.json keeps the spec's
	}
	level, err := zerolog.ParseLevel(opts.logLevel)
	if err != nil {
		return err
	}
	logger := log.NewLogger(os.Stderr, log.LevelOption(level), log.ColorOption(false))

	// Listen first: port 0 is then free of races, and a busy port fails at once.
	var lc net.ListenConfig
	listeners := map[string]net.Listener{}
	for name, addr := range map[string]string{"rpc": opts.rpc, "grpc": opts.grpc, "control": opts.control} {
		l, err := lc.Listen(context.Background(), "tcp", addr)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer l.Close()
		listeners[name] = l
	}

	// Storage.
	appDB := dbm.DB(dbm.NewMemDB())
	cometDB := cmtcfg.DBProvider(func(*cmtcfg.DBContext) (cmtdb.DB, error) { return cmtdb.NewMemDB(), nil })
	if opts.memory {
		// The chain starts over, so must the signer's memory of what it signed.
		if err := forgetRun(opts.home); err != nil {
			return err
		}
	} else {
		if appDB, err = dbm.NewDB("application", dbm.GoLevelDBBackend, filepath.Join(opts.home, "data")); err != nil {
			return err
		}
		cometDB = cmtcfg.DefaultDBProvider
	}

	application, err := newApp(logger, appDB, opts.home, tb.ChainID, tb.MinGasPrices, opts.pruning, opts.mempoolTxs)
	if err != nil {
		return err
	}
	defer application.Close()

	// Consensus node.
	cfg := cometConfig(opts)
	pacer := newPacer(opts.blockTime, opts.paused)
	if opts.paused {
		pacer.advance(1) // queries need one block of this run
	}
	nodeKey, err := p2p.LoadNodeKey(nodeKeyFile(opts.home))
	if err != nil {
		return err
	}
	comet, err := node.NewNode(
		cfg,
		privval.LoadFilePV(privValKeyFile(opts.home), privValStateFile(opts.home)),
		nodeKey,
		newClientCreator(server.NewCometABCIWrapper(application), pacer),
		func() (*cmttypes.GenesisDoc, error) {
			doc, err := genutiltypes.AppGenesisFromFile(genesisFile(opts.home))
			if err != nil {
				return nil, err
			}
			return doc.ToGenesisDoc()
		},
		cometDB,
		node.DefaultMetricsProvider(cfg.Instrumentation),
		servercmtlog.CometLoggerWrapper{Logger: logger},
	)
	if err != nil {
		return err
	}
	blocks, err := comet.EventBus().Subscribe(context.Background(), "chain-testbed", cmttypes.EventQueryNewBlock, 64)
	if err != nil {
		return err
	}

	// gRPC: the modules' query services and the SDK's tx, node and CometBFT services.
	rpcClient := local.New(comet)
	clientCtx := client.Context{}.
		WithCodec(application.AppCodec()).
		WithInterfaceRegistry(application.AppCodec().InterfaceRegistry()).
		WithTxConfig(application.TxConfig()).
		WithLegacyAmino(application.LegacyAmino()).
		WithAccountRetriever(authtypes.AccountRetriever{}).
		WithChainID(tb.ChainID).
		WithHomeDir(opts.home).
		WithClient(rpcClient)
	serverCfg := serverconfig.DefaultConfig()
	serverCfg.MinGasPrices = tb.MinGasPrices
	serverCfg.GRPC.MaxRecvMsgSize = maxMessage
	application.RegisterTxService(clientCtx)
	application.RegisterTendermintService(clientCtx)
	application.RegisterNodeService(clientCtx, *serverCfg)
	grpcServer, err := servergrpc.NewGRPCServer(clientCtx, application, serverCfg.GRPC)
	if err != nil {
		return err
	}
	go grpcServer.Serve(listeners["grpc"])
	defer grpcServer.Stop()

	// CometBFT RPC.
	if err := serveRPC(comet, cfg, listeners["rpc"]); err != nil {
		return err
	}

	// Control.
	control := &http.Server{Handler: (&control{tb: tb, pacer: pacer, node: comet, ctx: clientCtx}).routes()}
	go control.Serve(listeners["control"])
	defer control.Close()

	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2)

	if opts.stdinGuard {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			signals <- syscall.SIGTERM
		}()
	}

	if err := comet.Start(); err != nil {
		return err
	}
	defer func() {
		pacer.close() // ends the consensus routine between two blocks
		err = comet.Stop()
	}()

	announced := false
	for {
		select {
		case block := <-blocks.Out():
			height := block.Data().(cmttypes.EventDataNewBlock).Block.Height
			if !announced && pacer.made(height) {
				announced = true
				line, _ := json.Marshal(Ready{
					RPC:     "http://" + listeners["rpc"].Addr().String(),
					GRPC:    listeners["grpc"].Addr().String(),
					Control: "http://" + listeners["control"].Addr().String(),
					ChainID: tb.ChainID, Home: opts.home, Height: height, PID: os.Getpid(),
				})
				fmt.Println(string(line))
			}
		case <-blocks.Canceled():
			return fmt.Errorf("block subscription ended: %w", blocks.Err())
		case s := <-signals:
			switch s {
			case syscall.SIGUSR1:
				pacer.pause()
			case syscall.SIGUSR2:
				pacer.resume()
			default:
				return nil
			}
		}
	}
}

// serveRPC does what the node does for an address of its configuration, on a listener of ours.
func serveRPC(comet *node.Node, cfg *cmtcfg.Config, listener net.Listener) error {
	env, err := comet.ConfigureRPC()
	if err != nil {
		return err
	}
	routes := env.GetRoutes()
	config := rpcserver.DefaultConfig()
	config.MaxRequestBatchSize = cfg.RPC.MaxRequestBatchSize
	config.MaxBodyBytes = cfg.RPC.MaxBodyBytes
	config.MaxHeaderBytes = cfg.RPC.MaxHeaderBytes
	config.WriteTimeout = cfg.RPC.TimeoutBroadcastTxCommit + time.Second

	mux := http.NewServeMux()
	sockets := rpcserver.NewWebsocketManager(routes,
		rpcserver.OnDisconnect(func(remote string) {
			_ = comet.EventBus().UnsubscribeAll(context.Background(), remote)
		}),
		rpcserver.ReadLimit(config.MaxBodyBytes),
		rpcserver.WriteChanCapacity(cfg.RPC.WebSocketWriteBufferSize),
	)
	sockets.SetLogger(comet.Logger.With("module", "rpc-server"))
	mux.HandleFunc("/websocket", sockets.WebsocketHandler)
	rpcserver.RegisterRPCFuncs(mux, routes, comet.Logger.With("module", "rpc-server"))
	go rpcserver.Serve(listener, mux, comet.Logger.With("module", "rpc-server"), config)
	return nil
}

// forgetRun removes what a run in memory leaves on disk.
func forgetRun(home string) error {
	data := filepath.Join(home, "data")
	if err := os.RemoveAll(data); err != nil {
		return err
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	pv := privval.LoadFilePVEmptyState(privValKeyFile(home), privValStateFile(home))
	pv.Save()
	return nil
}

func writeJSON(path string, value any) error {
	raw, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o600)
}
