package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	apptypes "github.com/pokt-network/poktroll/x/application/types"
	gatewaytypes "github.com/pokt-network/poktroll/x/gateway/types"
	servicetypes "github.com/pokt-network/poktroll/x/service/types"
	sharedtypes "github.com/pokt-network/poktroll/x/shared/types"
	suppliertypes "github.com/pokt-network/poktroll/x/supplier/types"
)

func (g *genesis) services() error {
	state := &servicetypes.GenesisState{}
	if err := g.load(servicetypes.ModuleName, state); err != nil {
		return err
	}
	for _, s := range g.spec.Services {
		owner, err := g.tb.address(s.Owner)
		if err != nil {
			return fmt.Errorf("service %q: owner: %w", s.ID, err)
		}
		name := s.Name
		if name == "" {
			name = s.ID
		}
		state.ServiceList = append(state.ServiceList, sharedtypes.Service{
			Id: s.ID, Name: name, ComputeUnitsPerRelay: s.ComputeUnitsPerRelay, OwnerAddress: owner,
		})
		if s.Difficulty != nil {
			target, err := hex.DecodeString(s.Difficulty.TargetHash)
			if err != nil || len(target) != sha256.Size {
				return fmt.Errorf("service %q: target_hash is not 32 bytes of hex", s.ID)
			}
			state.RelayMiningDifficultyList = append(state.RelayMiningDifficultyList, servicetypes.RelayMiningDifficulty{
				ServiceId: s.ID, BlockHeight: 1, NumRelaysEma: s.Difficulty.NumRelaysEMA, TargetHash: target,
			})
		}
	}
	return g.store(servicetypes.ModuleName, state)
}

func (g *genesis) gateways() error {
	state := &gatewaytypes.GenesisState{}
	if err := g.load(gatewaytypes.ModuleName, state); err != nil {
		return err
	}
	for _, spec := range g.spec.Gateways {
		address, err := g.tb.address(spec.Account)
		if err != nil {
			return fmt.Errorf("gateway: %w", err)
		}
		stake, err := g.stake(gatewaytypes.ModuleName, spec.Stake)
		if err != nil {
			return fmt.Errorf("gateway %s: %w", spec.Account, err)
		}
		state.GatewayList = append(state.GatewayList, gatewaytypes.Gateway{Address: address, Stake: stake})
	}
	return g.store(gatewaytypes.ModuleName, state)
}

func (g *genesis) applications() error {
	state := &apptypes.GenesisState{}
	if err := g.load(apptypes.ModuleName, state); err != nil {
		return err
	}
	for _, spec := range g.spec.Applications {
		address, err := g.tb.address(spec.Account)
		if err != nil {
			return fmt.Errorf("application: %w", err)
		}
		stake, err := g.stake(apptypes.ModuleName, spec.Stake)
		if err != nil {
			return fmt.Errorf("application %s: %w", spec.Account, err)
		}
		entry := apptypes.Application{Address: address, Stake: stake}
		for _, id := range spec.Services {
			entry.ServiceConfigs = append(entry.ServiceConfigs, &sharedtypes.ApplicationServiceConfig{ServiceId: id})
		}
		for _, gateway := range spec.DelegatesTo {
			delegatee, err := g.tb.address(gateway)
			if err != nil {
				return fmt.Errorf("application %s: %w", spec.Account, err)
			}
			entry.DelegateeGatewayAddresses = append(entry.DelegateeGatewayAddresses, delegatee)
		}
		if spec.PerSessionSpendLimit != "" {
			limit, err := sdk.ParseCoinNormalized(spec.PerSessionSpendLimit)
			if err != nil {
				return fmt.Errorf("application %s: %w", spec.Account, err)
			}
			entry.PerSessionSpendLimit = &limit
		}
		state.ApplicationList = append(state.ApplicationList, entry)
	}
	return g.store(apptypes.ModuleName, state)
}

func (g *genesis) suppliers() error {
	state := &suppliertypes.GenesisState{}
	if err := g.load(suppliertypes.ModuleName, state); err != nil {
		return err
	}
	for _, spec := range g.spec.Suppliers {
		operator, err := g.tb.address(spec.Operator)
		if err != nil {
			return fmt.Errorf("supplier: %w", err)
		}
		owner := operator
		if spec.Owner != "" {
			if owner, err = g.tb.address(spec.Owner); err != nil {
				return fmt.Errorf("supplier %s: %w", spec.Operator, err)
			}
		}
		stake, err := g.stake(suppliertypes.ModuleName, spec.Stake)
		if err != nil {
			return fmt.Errorf("supplier %s: %w", spec.Operator, err)
		}
		entry := sharedtypes.Supplier{OwnerAddress: owner, OperatorAddress: operator, Stake: stake}
		for _, service := range spec.Services {
			config := &sharedtypes.SupplierServiceConfig{ServiceId: service.ID}
			for _, endpoint := range service.Endpoints {
				rpcType, ok := sharedtypes.RPCType_value[endpoint.RPCType]
				if !ok {
					return fmt.Errorf("supplier %s: rpc_type %q", spec.Operator, endpoint.RPCType)
				}
				config.Endpoints = append(config.Endpoints, &sharedtypes.SupplierEndpoint{
					Url: endpoint.URL, RpcType: sharedtypes.RPCType(rpcType),
				})
			}
			shares := service.RevShare
			if len(shares) == 0 {
				shares = []RevShareSpec{{Account: owner, Percent: 100}}
			}
			for _, share := range shares {
				recipient, err := g.tb.address(share.Account)
				if err != nil {
					return fmt.Errorf("supplier %s: rev_share: %w", spec.Operator, err)
				}
				config.RevShare = append(config.RevShare, &sharedtypes.ServiceRevenueShare{
					Address: recipient, RevSharePercentage: share.Percent,
				})
			}
			entry.Services = append(entry.Services, config)
		}
		state.SupplierList = append(state.SupplierList, entry)
	}
	return g.store(suppliertypes.ModuleName, state)
}
